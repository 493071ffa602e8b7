using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Clamd;

/// <summary>
/// Asks a clamd (clamd(8)) what files are. Several may ask at the same time: there are a few connections, each with a session in which one file is
/// scanned after the other. Every call throws <see cref="ClamdUnavailableException"/> when clamd cannot be asked; the next call tries anew.
/// </summary>
internal sealed class ClamdClient(ClamdAddress address, ClamdOptions options, TimeProvider time) : IAsyncDisposable
{
    private const int ChunkBytes = 128 << 10;
    private const int ChunkHeaderBytes = 4;
    private const int TreeRepliesAhead = 16 << 10;

    /// <summary>clamd closes a session that asks nothing for its ReadTimeout, 120 s by default.</summary>
    private static readonly TimeSpan MaxIdleTime = TimeSpan.FromSeconds(20);

    private static readonly byte[] EndOfChunks = new byte[ChunkHeaderBytes];

    private readonly SemaphoreSlim _room = new(options.MaxConnections);
    private readonly ConcurrentStack<ClamdConnection> _idle = new();
    private volatile bool _hasAnswered;
    private volatile bool _isDisposed;

    public ClamdAddress Address => address;

    /// <summary>Whether it answers.</summary>
    public async Task PingAsync(CancellationToken cancellationToken) =>
        await AskAsync("zPING\0"u8.ToArray(), static reply => reply == "PONG" ? reply : null, cancellationToken);

    public Task<ClamdVersion> VersionAsync(CancellationToken cancellationToken) => AskAsync("zVERSION\0"u8.ToArray(), ClamdVersion.Parse, cancellationToken);

    /// <summary>Has it load its database anew; it does so after it has answered.</summary>
    public async Task ReloadAsync(CancellationToken cancellationToken) =>
        await AskAsync("zRELOAD\0"u8.ToArray(), static reply => reply == "RELOADING" ? reply : null, cancellationToken);

    /// <summary>
    /// Scans an open file: by its descriptor on a unix socket, so that clamd needs neither its path nor a right to it, else by its content. The file's
    /// position is neither used nor changed.
    /// </summary>
    /// <param name="length">Its length as far as the caller knows it.</param>
    /// <exception cref="ArgumentException">It is not open for reading.</exception>
    public async Task<ClamdVerdict> ScanFileAsync(SafeFileHandle file, long length, CancellationToken cancellationToken)
    {
        if (IsOverLimit(length) || IsOverLimit(RandomAccess.GetLength(file)))
        {
            return ClamdVerdict.OverLimit;
        }

        if (!address.IsLocal)
        {
            var position = 0L;
            return await ScanContentAsync(
                async (memory, token) =>
                {
                    var read = await RandomAccess.ReadAsync(file, memory, position, token);
                    position += read;
                    return read;
                },
                cancellationToken);
        }

        var verdict = await InSessionAsync(
            async (connection, token) =>
            {
                connection.CountCommand();
                connection.Send("zFILDES\0\0"u8, file);
                return await ReceiveVerdictAsync(connection, options.ReplyTimeout, token);
            },
            cancellationToken);

        // It may have grown over the limit meanwhile: then clamd has said OK without a look.
        return verdict.Outcome == ClamdOutcome.Clean && IsOverLimit(RandomAccess.GetLength(file)) ? ClamdVerdict.OverLimit : verdict;
    }

    /// <summary>Scans what a stream gives, to its end. Content that cannot be read is not scanned.</summary>
    public Task<ClamdVerdict> ScanStreamAsync(Stream content, CancellationToken cancellationToken) => ScanContentAsync(content.ReadAsync, cancellationToken);

    /// <summary>
    /// Has clamd walk a directory or scan a file that it sees itself at the same path. It names what it found and what it could not scan, not what is
    /// clean, but for <paramref name="path"/> itself when that is a file or all of it is clean. Whoever does not read the answers in time holds clamd up.
    /// </summary>
    /// <param name="path">Absolute; any bytes but zero.</param>
    /// <param name="parallel">Whether clamd uses several threads (MULTISCAN instead of CONTSCAN).</param>
    /// <exception cref="ClamdUnavailableException">Also when clamd ended before it was through.</exception>
    public async IAsyncEnumerable<(byte[] Path, ClamdVerdict Verdict)> ScanTreeAsync(
        byte[] path, bool parallel, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (path.Length == 0 || path[0] != '/' || path.Contains((byte)0))
        {
            throw new ArgumentException("The path is not absolute, or has a zero byte in it.", nameof(path));
        }

        // clamd gives up who does not read within SendBufTimeout, half a second by default.
        var replies = Channel.CreateBounded<(byte[] Path, ClamdVerdict Verdict)>(TreeRepliesAhead);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = ReadTreeAsync([.. parallel ? "zMULTISCAN "u8 : "zCONTSCAN "u8, .. path, 0], replies.Writer, stop.Token);
        try
        {
            await foreach (var reply in replies.Reader.ReadAllAsync(cancellationToken))
            {
                yield return reply;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await reading;
        }
    }

    public ValueTask DisposeAsync()
    {
        _isDisposed = true;
        while (_idle.TryPop(out var connection))
        {
            connection.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private bool IsOverLimit(long length) => length > options.MaxFileBytes || (!address.IsLocal && length > options.MaxStreamBytes);

    private Task<ClamdVerdict> ScanContentAsync(Func<Memory<byte>, CancellationToken, ValueTask<int>> read, CancellationToken cancellationToken) =>
        InSessionAsync((connection, token) => SendContentAsync(connection, read, token), cancellationToken);

    private async Task<ClamdVerdict> SendContentAsync(
        ClamdConnection connection, Func<Memory<byte>, CancellationToken, ValueTask<int>> read, CancellationToken cancellationToken)
    {
        // Until clamd has answered there is no other use for the connection.
        connection.IsSpoiled = true;
        connection.CountCommand();
        var limit = Math.Min(options.MaxStreamBytes, options.MaxFileBytes);
        var chunk = ArrayPool<byte>.Shared.Rent(ChunkHeaderBytes + ChunkBytes);
        try
        {
            await connection.SendAsync("zINSTREAM\0"u8.ToArray(), options.ReplyTimeout, cancellationToken);
            for (var total = 0L; ;)
            {
                int length;
                try
                {
                    length = await read(chunk.AsMemory(ChunkHeaderBytes, ChunkBytes), cancellationToken);
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                    return ClamdVerdict.NotScanned($"cannot be read: {exception.Message}");
                }

                if (length == 0)
                {
                    break;
                }

                total += length;
                if (total > limit)
                {
                    return ClamdVerdict.OverLimit;
                }

                BinaryPrimitives.WriteInt32BigEndian(chunk, length);
                await connection.SendAsync(chunk.AsMemory(0, ChunkHeaderBytes + length), options.ReplyTimeout, cancellationToken);
            }

            await connection.SendAsync(EndOfChunks, options.ReplyTimeout, cancellationToken);
        }
        catch (Exception exception) when (exception is SocketException { SocketErrorCode: not SocketError.OperationAborted })
        {
            return await ExplainAsync(connection, cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }

        connection.IsSpoiled = false;
        return await ReceiveVerdictAsync(connection, options.ReplyTimeout, cancellationToken);
    }

    // clamd closes the connection on what is longer than it takes, and says so before; over TCP its word can get lost.
    private async Task<ClamdVerdict> ExplainAsync(ClamdConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            return await ReceiveVerdictAsync(connection, options.AnswerTimeout, cancellationToken);
        }
        catch (Exception exception) when (exception is IOException or SocketException)
        {
            await PingAsync(cancellationToken);
            return ClamdVerdict.NotScanned("clamd closed the connection in the middle; its StreamMaxLength may be less than MaxStreamBytes here");
        }
    }

    private static async Task<ClamdVerdict> ReceiveVerdictAsync(ClamdConnection connection, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var reply = await connection.ReceiveNumberedAsync(timeout, cancellationToken);
        if (!ClamdReply.TryParse(reply.Span, out _, out var verdict))
        {
            throw new InvalidDataException($"expected a verdict, got '{ClamdReply.Printable(reply.Span)}'");
        }

        // After some of its errors clamd closes the connection.
        connection.IsSpoiled |= verdict.Outcome == ClamdOutcome.NotScanned;
        return verdict;
    }

    private async Task ReadTreeAsync(byte[] command, ChannelWriter<(byte[] Path, ClamdVerdict Verdict)> replies, CancellationToken cancellationToken)
    {
        try
        {
            await AvailableAsync(
                async token =>
                {
                    // clamd ends a scan by closing the connection, and so does one that is killed. A second connection, open all the time, tells the two apart.
                    using var witness = await ConnectAsync(token);
                    await witness.BeginSessionAsync(options.AnswerTimeout, token);
                    await AskWitnessAsync(witness, token);
                    using var connection = await ConnectAsync(token);
                    await connection.SendAsync(command, options.AnswerTimeout, token);
                    while (await ReceiveTreeReplyAsync(connection, witness, token) is { } reply)
                    {
                        if (!ClamdReply.TryParse(reply.Span, out var path, out var verdict))
                        {
                            throw new InvalidDataException($"expected a verdict, got '{ClamdReply.Printable(reply.Span)}'");
                        }

                        var entry = (path.ToArray(), verdict);
                        await replies.WriteAsync(entry, token);
                    }

                    await AskWitnessAsync(witness, token);
                    return true;
                },
                cancellationToken);
            replies.Complete();
        }
        catch (Exception exception)
        {
            replies.Complete(exception);
        }
    }

    // clamd says nothing of what is clean, so silence may last for hours.
    private async Task<ReadOnlyMemory<byte>?> ReceiveTreeReplyAsync(ClamdConnection connection, ClamdConnection witness, CancellationToken cancellationToken)
    {
        var receiving = connection.ReceiveAsync(Timeout.InfiniteTimeSpan, cancellationToken).AsTask();
        while (true)
        {
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var pause = Task.Delay(MaxIdleTime, time, enough.Token);
            if (await Task.WhenAny(receiving, pause) == receiving)
            {
                await enough.CancelAsync();
                return await receiving;
            }

            await pause;
            await AskWitnessAsync(witness, cancellationToken);
        }
    }

    private async Task AskWitnessAsync(ClamdConnection witness, CancellationToken cancellationToken)
    {
        witness.CountCommand();
        await witness.SendAsync("zPING\0"u8.ToArray(), options.AnswerTimeout, cancellationToken);
        var reply = await witness.ReceiveNumberedAsync(options.AnswerTimeout, cancellationToken);
        if (!reply.Span.SequenceEqual("PONG"u8))
        {
            throw new InvalidDataException($"expected PONG, got '{ClamdReply.Printable(reply.Span)}'");
        }

        _hasAnswered = true;
    }

    // On a connection of its own: no scan is waited for.
    private Task<T> AskAsync<T>(byte[] command, Func<string, T?> read, CancellationToken cancellationToken)
        where T : class =>
        AvailableAsync(
            async token =>
            {
                using var connection = await ConnectAsync(token);
                await connection.SendAsync(command, options.AnswerTimeout, token);
                var reply = await connection.ReceiveAsync(options.AnswerTimeout, token) ?? throw new EndOfStreamException("clamd closed the connection without a reply");
                return read(Encoding.ASCII.GetString(reply.Span))
                    ?? throw new InvalidDataException($"expected the reply to {ClamdReply.Printable(command.AsSpan(1..^1))}, got '{ClamdReply.Printable(reply.Span)}'");
            },
            cancellationToken);

    private async Task<ClamdVerdict> InSessionAsync(Func<ClamdConnection, CancellationToken, Task<ClamdVerdict>> use, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        await _room.WaitAsync(cancellationToken);
        try
        {
            return await AvailableAsync(
                async token =>
                {
                    var connection = TakeIdle() ?? await BeginSessionAsync(token);
                    var isKept = false;
                    try
                    {
                        var verdict = await use(connection, token);
                        isKept = !connection.IsSpoiled && !_isDisposed;
                        return verdict;
                    }
                    finally
                    {
                        Return(connection, isKept);
                    }
                },
                cancellationToken);
        }
        finally
        {
            _room.Release();
        }
    }

    private ClamdConnection? TakeIdle()
    {
        while (_idle.TryPop(out var connection))
        {
            if (connection.IsUsable(MaxIdleTime))
            {
                return connection;
            }

            connection.Dispose();
        }

        return null;
    }

    private async Task<ClamdConnection> BeginSessionAsync(CancellationToken cancellationToken)
    {
        var connection = await ConnectAsync(cancellationToken);
        try
        {
            await connection.BeginSessionAsync(options.AnswerTimeout, cancellationToken);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void Return(ClamdConnection connection, bool isKept)
    {
        if (!isKept)
        {
            connection.Dispose();
            return;
        }

        _idle.Push(connection);
        if (_isDisposed && _idle.TryPop(out var late))
        {
            late.Dispose();
        }
    }

    private async Task<ClamdConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await ClamdConnection.ConnectAsync(address, options, time, cancellationToken);
        }
        catch (SocketException exception) when (exception.SocketErrorCode is not (SocketError.WouldBlock or SocketError.TimedOut))
        {
            _hasAnswered = false;
            throw Unavailable(ClamdState.Missing, exception);
        }
        catch (Exception exception) when (exception is SocketException or TimeoutException)
        {
            throw Silent(exception);
        }
    }

    private async Task<T> AvailableAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        try
        {
            var result = await work(cancellationToken);
            _hasAnswered = true;
            return result;
        }
        catch (TimeoutException exception)
        {
            throw Silent(exception);
        }
        catch (Exception exception) when (exception is SocketException or (IOException and not ClamdUnavailableException) or InvalidDataException)
        {
            throw Unavailable(ClamdState.Broken, exception);
        }
    }

    private ClamdUnavailableException Silent(Exception exception) => Unavailable(_hasAnswered ? ClamdState.Wedged : ClamdState.Starting, exception);

    private ClamdUnavailableException Unavailable(ClamdState state, Exception exception) =>
        new(state, $"clamd at {address} cannot be asked: {exception.Message.TrimEnd('.')}.", exception);
}
