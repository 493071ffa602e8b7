using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using KubeCop.Host.Tls;

namespace KubeCop.Tests.Host.Tls;

public sealed class TransportStreamTests
{
    private readonly Pipe _input = new();
    private readonly Pipe _output = new();
    private readonly TransportStream _stream;

    public TransportStreamTests() => _stream = new TransportStream(new Pipes(_input.Reader, _output.Writer));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>As Orleans ends a connection: it interrupts the write that is under way, and completes the pipe without awaiting.</summary>
    [Fact]
    public async Task Complete_AfterAWriteThatWasInterrupted_SaysNothingTwice()
    {
        var writer = PipeWriter.Create(_stream, new StreamPipeWriterOptions(leaveOpen: true));
        writer.Write("once"u8);
        _output.Writer.CancelPendingFlush();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writer.FlushAsync(Cancellation).AsTask());

        writer.Complete();
        await _output.Writer.CompleteAsync();
        var said = await _output.Reader.ReadAtLeastAsync(1000, Cancellation);
        Assert.Equal("once", Encoding.ASCII.GetString(said.Buffer));
    }

    [Fact]
    public async Task Read_AfterSomethingWasHeld_HasAllOfIt()
    {
        using var turn = new CancellationTokenSource();
        var holding = _stream.HoldAsync(100, turn.Token);
        await _input.Writer.WriteAsync(new byte[] { 22, 1, 2, 3 }, Cancellation);
        await _input.Writer.WriteAsync(new byte[] { 4, 5 }, Cancellation);
        await turn.CancelAsync();
        await holding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await _input.Writer.WriteAsync(new byte[] { 6 }, Cancellation);
        await _input.Writer.CompleteAsync();

        var read = new MemoryStream();
        var buffer = new byte[3];
        while (await _stream.ReadAsync(buffer, Cancellation) is > 0 and var length)
        {
            read.Write(buffer, 0, length);
        }

        Assert.Equal([22, 1, 2, 3, 4, 5, 6], read.ToArray());
    }

    private sealed record Pipes(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
