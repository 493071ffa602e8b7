using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Clamd;

/// <summary>A connection to clamd: commands and replies that end with a zero byte, so that paths may have any other in them. For one user at a time.</summary>
internal sealed class ClamdConnection : IDisposable
{
    private readonly Socket _socket;
    private readonly TimeProvider _time;
    private readonly byte[] _buffer;
    private int _start;
    private int _end;
    private uint _commands;
    private long _usedAt;

    private ClamdConnection(Socket socket, int maxReplyBytes, TimeProvider time)
    {
        (_socket, _time, _buffer) = (socket, time, new byte[maxReplyBytes]);
        _usedAt = time.GetTimestamp();
    }

    /// <summary>Whether nothing more may be asked on it.</summary>
    public bool IsSpoiled { get; set; }

    /// <exception cref="SocketException">Nobody is there.</exception>
    /// <exception cref="TimeoutException">Nobody has accepted it in time.</exception>
    public static async Task<ClamdConnection> ConnectAsync(ClamdAddress address, ClamdOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        var socket = address.IsLocal
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await WithinAsync(options.ConnectTimeout, "connection", time, cancellationToken, async token =>
            {
                await socket.ConnectAsync(address.EndPoint, token);
                return true;
            });
            return new ClamdConnection(socket, options.MaxReplyBytes, time);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether it can still be used after it was idle; clamd closes what is silent for long (<c>ReadTimeout</c>).</summary>
    public bool IsUsable(TimeSpan maxIdleTime)
    {
        try
        {
            // To be readable while nothing is asked is to be closed, or not to be clamd.
            return !IsSpoiled && _start == _end && _time.GetElapsedTime(_usedAt) < maxIdleTime && !_socket.Poll(0, SelectMode.SelectRead);
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Begins a session, in which commands are numbered and so are the replies.</summary>
    public ValueTask BeginSessionAsync(TimeSpan timeout, CancellationToken cancellationToken) => SendAsync("zIDSESSION\0"u8.ToArray(), timeout, cancellationToken);

    /// <summary>To be called for each command within a session, before its reply is read.</summary>
    public void CountCommand() => _commands++;

    /// <exception cref="IOException">The other end is gone.</exception>
    /// <exception cref="TimeoutException">The other end takes nothing.</exception>
    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, TimeSpan timeout, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty)
        {
            // Each step in time, not all of them: a link may be slow, as long as it goes on.
            var part = bytes;
            var sent = await WithinAsync(timeout, "room for what is sent", _time, cancellationToken, async token => await _socket.SendAsync(part, token));
            bytes = bytes[sent..];
        }
    }

    /// <summary>Sends a command with a descriptor.</summary>
    /// <inheritdoc cref="DescriptorPassing.Send"/>
    public void Send(ReadOnlySpan<byte> bytes, SafeFileHandle file) => DescriptorPassing.Send(_socket, bytes, file);

    /// <summary>Reads the reply to the last command of the session, without its number.</summary>
    /// <exception cref="EndOfStreamException">The connection ended before.</exception>
    /// <exception cref="InvalidDataException">That is no reply to it.</exception>
    /// <exception cref="TimeoutException">There was none in time.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReceiveNumberedAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var reply = await ReceiveAsync(timeout, cancellationToken) ?? throw new EndOfStreamException("clamd closed the connection without a reply");
        _usedAt = _time.GetTimestamp();
        if (!ClamdReply.TryTakeNumber(reply.Span, _commands, out var rest))
        {
            throw new InvalidDataException($"expected the reply to command {_commands}, got '{ClamdReply.Printable(reply.Span)}'");
        }

        return reply[^rest.Length..];
    }

    /// <returns>A reply without the zero at its end, valid until the next call; null when the connection has ended after the last.</returns>
    /// <exception cref="EndOfStreamException">The connection ended within a reply.</exception>
    /// <exception cref="InvalidDataException">It is longer than any of clamd's.</exception>
    /// <exception cref="TimeoutException">There was none in time.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReceiveAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        // The whole reply in time: a byte now and then is not an answer.
        return await WithinAsync(timeout, "reply", _time, cancellationToken, ReadReplyAsync);
    }

    public void Dispose() => _socket.Dispose();

    private async Task<ReadOnlyMemory<byte>?> ReadReplyAsync(CancellationToken cancellationToken)
    {
        var searched = _start;
        while (true)
        {
            var length = _buffer.AsSpan(searched.._end).IndexOf((byte)0);
            if (length >= 0)
            {
                ReadOnlyMemory<byte> reply = _buffer.AsMemory(_start, searched + length - _start);
                _start = searched + length + 1;
                return reply;
            }

            if (_start > 0)
            {
                _buffer.AsSpan(_start.._end).CopyTo(_buffer);
                (_start, _end) = (0, _end - _start);
            }

            if (_end == _buffer.Length)
            {
                throw new InvalidDataException($"a reply is longer than {_buffer.Length} bytes");
            }

            searched = _end;
            var received = await _socket.ReceiveAsync(_buffer.AsMemory(_end), cancellationToken);
            if (received == 0)
            {
                if (_end > 0)
                {
                    throw new EndOfStreamException("clamd closed the connection within a reply");
                }

                return null;
            }

            _end += received;
        }
    }

    private static async Task<T> WithinAsync<T>(TimeSpan timeout, string what, TimeProvider time, CancellationToken cancellationToken, Func<CancellationToken, Task<T>> work)
    {
        using var patience = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            return await work(either.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"no {what} within {timeout.TotalSeconds:0.#} s");
        }
    }
}
