using System.Net.Sockets;
using System.Text;
using CsCheck;
using KubeCop.Scanning.Clamd;
using KubeCop.Testing;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Scanning.Clamd;

/// <summary>The client against peers that are no clamd, or no good one.</summary>
public sealed class ClamdClientTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("")]
    [InlineData("1: stream: O")]
    [InlineData("2: stream: OK\0")]
    [InlineData("0: stream: OK\0")]
    [InlineData("stream: OK\0")]
    [InlineData("\0\0\0")]
    [InlineData("1: PONG\0")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n")]
    public async Task ScanStream_RepliesThatAreNone_AreNoVerdict(string reply)
    {
        await using var peer = FakePeer.Answering(Encoding.ASCII.GetBytes(reply));
        await using var client = new ClamdClient(peer.Address, new ClamdOptions(), TimeProvider.System);

        var exception = await Assert.ThrowsAsync<ClamdUnavailableException>(() => client.ScanStreamAsync(new MemoryStream("content"u8.ToArray()), Cancellation));

        Assert.Equal(ClamdState.Broken, exception.State);
        Assert.Contains(peer.Address.ToString(), exception.Message, StringComparison.Ordinal);
    }

    /// <summary>Whatever a peer sends: never clean but by the one reply that says so, and never anything but a verdict or the one exception.</summary>
    [Fact]
    public async Task ScanStream_AnyReply_IsAVerdictOrUnavailable()
    {
        var answer = Array.Empty<byte>();
        await using var peer = new FakePeer(async (socket, token) =>
        {
            await FakePeer.ReadSomethingAsync(socket, token);
            await socket.SendAsync(answer, token);
        });
        string[] pieces = ["1: ", "2: ", "stream", ": ", "OK", " FOUND", " ERROR", "\0", "X.Y", "\u001b[2J", "é"];
        var piece = Gen.Int[0, pieces.Length - 1].Array[0, 8].Select(chosen => string.Concat(chosen.Select(index => pieces[index])));
        await Gen.OneOf(piece.Select(static text => Encoding.UTF8.GetBytes(text)), Gen.Byte.Array[0, 100]).SampleAsync(
            async bytes =>
            {
                answer = bytes;
                await using var client = new ClamdClient(peer.Address, new ClamdOptions(), TimeProvider.System);
                try
                {
                    var verdict = await client.ScanStreamAsync(new MemoryStream("content"u8.ToArray()), Cancellation);
                    var text = Encoding.UTF8.GetString(bytes);
                    Assert.StartsWith("1: ", text, StringComparison.Ordinal);
                    Assert.Equal(verdict.Outcome == ClamdOutcome.Clean, text[..text.IndexOf('\0', StringComparison.Ordinal)].EndsWith(": OK", StringComparison.Ordinal));
                }
                catch (ClamdUnavailableException exception)
                {
                    Assert.Equal(ClamdState.Broken, exception.State);
                }
            },
            iter: 300,
            threads: 1);
    }

    [Fact]
    public async Task Ping_AnEndlessReply_EndsAtItsLimit()
    {
        var part = Enumerable.Repeat((byte)'x', 4096).ToArray();
        await using var peer = new FakePeer(async (socket, token) =>
        {
            while (true)
            {
                await socket.SendAsync(part, token);
            }
        });
        await using var client = new ClamdClient(peer.Address, new ClamdOptions { MaxReplyBytes = 1 << 10 }, TimeProvider.System);

        var exception = await Assert.ThrowsAsync<ClamdUnavailableException>(() => client.PingAsync(Cancellation));

        Assert.Equal(ClamdState.Broken, exception.State);
        Assert.Contains("longer than 1024 bytes", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ping_NobodyThere_IsMissing()
    {
        ClamdAddress address;
        await using (var peer = FakePeer.Silent())
        {
            address = peer.Address;
        }

        await using var client = new ClamdClient(address, new ClamdOptions(), TimeProvider.System);
        Assert.Equal(ClamdState.Missing, (await Assert.ThrowsAsync<ClamdUnavailableException>(() => client.PingAsync(Cancellation))).State);
    }

    [Fact]
    public async Task Ping_SilentFromTheBeginning_IsStartingAndLaterWedged()
    {
        var time = new FakeTimeProvider();
        var isSilent = true;
        await using var peer = new FakePeer(async (socket, token) =>
        {
            await FakePeer.ReadSomethingAsync(socket, token);
            if (Volatile.Read(ref isSilent))
            {
                await Task.Delay(Timeout.Infinite, token);
            }

            await socket.SendAsync("PONG\0"u8.ToArray(), token);
        });
        await using var client = new ClamdClient(peer.Address, new ClamdOptions(), time);

        Assert.Equal(ClamdState.Starting, await StateOfSilenceAsync());
        Volatile.Write(ref isSilent, false);
        await client.PingAsync(Cancellation);
        Volatile.Write(ref isSilent, true);
        Assert.Equal(ClamdState.Wedged, await StateOfSilenceAsync());

        async Task<ClamdState> StateOfSilenceAsync()
        {
            var pinging = client.PingAsync(Cancellation);
            await Wait.UntilAsync(
                () =>
                {
                    time.Advance(TimeSpan.FromSeconds(1));
                    return pinging.IsCompleted;
                },
                static isOver => isOver,
                "end of its patience");
            return (await Assert.ThrowsAsync<ClamdUnavailableException>(() => pinging)).State;
        }
    }

    [Fact]
    public async Task ScanStream_Cancelled_SaysSo()
    {
        await using var peer = FakePeer.Silent();
        await using var client = new ClamdClient(peer.Address, new ClamdOptions(), TimeProvider.System);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var scanning = client.ScanStreamAsync(new MemoryStream("content"u8.ToArray()), stop.Token);
        await Wait.UntilAsync(() => peer.Connections, static count => count == 1, "connection");

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => scanning);
    }

    [Fact]
    public async Task ScanStream_SeveralAtOnce_TakeNoMoreConnectionsThanAllowed()
    {
        await using var peer = new FakePeer(ServeSessionAsync);
        await using var client = new ClamdClient(peer.Address, new ClamdOptions { MaxConnections = 2 }, TimeProvider.System);

        var verdicts = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => client.ScanStreamAsync(new MemoryStream("content"u8.ToArray()), Cancellation)));

        Assert.All(verdicts, static verdict => Assert.Equal(ClamdVerdict.Clean, verdict));
        Assert.InRange(peer.Connections, 1, 2);
    }

    [Fact]
    public async Task ScanStream_OverTheLimit_IsNotScannedAndNotHeld()
    {
        await using var peer = new FakePeer(ServeSessionAsync);
        await using var client = new ClamdClient(peer.Address, new ClamdOptions { MaxStreamBytes = 10 }, TimeProvider.System);

        Assert.Equal(ClamdVerdict.Clean, await client.ScanStreamAsync(new MemoryStream(new byte[10]), Cancellation));
        Assert.Equal(ClamdVerdict.OverLimit, await client.ScanStreamAsync(new MemoryStream(new byte[11]), Cancellation));
        Assert.Equal(ClamdVerdict.Clean, await client.ScanStreamAsync(new MemoryStream(new byte[10]), Cancellation));
    }

    [Fact]
    public async Task ScanStream_ContentThatCannotBeRead_IsNotScanned()
    {
        await using var peer = new FakePeer(ServeSessionAsync);
        await using var client = new ClamdClient(peer.Address, new ClamdOptions(), TimeProvider.System);

        var verdict = await client.ScanStreamAsync(new BadStream(), Cancellation);

        Assert.Equal(ClamdVerdict.NotScanned("cannot be read: bad sector"), verdict);
    }

    /// <summary>As clamd does in a session, for streams alone: all of them are clean.</summary>
    private static async Task ServeSessionAsync(Socket socket, CancellationToken cancellationToken)
    {
        using var stream = new NetworkStream(socket);
        Assert.Equal("zIDSESSION\0", await ReadAsync(11));
        for (var number = 1; ; number++)
        {
            if (await ReadAsync(10) != "zINSTREAM\0")
            {
                return;
            }

            while (await ReadAsync(4) is var header && (header.Length < 4 ? 0 : (header[0] << 24) | (header[1] << 16) | (header[2] << 8) | header[3]) is > 0 and var length)
            {
                await ReadAsync(length);
            }

            await socket.SendAsync(Encoding.ASCII.GetBytes($"{number}: stream: OK\0"), cancellationToken);
        }

        async Task<string> ReadAsync(int length)
        {
            var bytes = new byte[length];
            var read = await stream.ReadAtLeastAsync(bytes, length, throwOnEndOfStream: false, cancellationToken);
            return Encoding.Latin1.GetString(bytes, 0, read);
        }
    }

    private sealed class BadStream : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("bad sector");
    }
}
