using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Compression;
using System.IO.Hashing;
using System.Text.Json;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Decoding;
using KubeCop.Sensor.Routing;

namespace KubeCop.Sensor.Recording;

/// <summary>
/// Writes a recording. The ring's reader only copies; compressing and writing is done by a thread of its own. When that does not keep up,
/// records are left out and counted, in the recording too: the ring never waits for a disk.
/// </summary>
internal sealed class RecordingWriter : IRecording, IDisposable
{
    /// <summary>Blocks that wait for the disk before records are left out: 32 MiB.</summary>
    private const int WaitingBlocks = 32;

    /// <summary>A fast level: a core compresses some 100 MB/s, to about a tenth.</summary>
    private const int CompressionQuality = 3;

    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(1);

    private readonly Stream _file;
    private readonly string _path;
    private readonly long _maxBytes;
    private readonly BlockingCollection<Block> _blocks = new(WaitingBlocks);
    private readonly ConcurrentBag<Block> _free = [];
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private Block _block = new();
    private long _handedOver = Environment.TickCount64;
    private long _written;
    private long _missing;
    private long _missingUntold;
    private bool _disposed;

    /// <summary>Begins a recording.</summary>
    /// <param name="path">Must not exist yet.</param>
    /// <param name="maxBytes">The recording ends when its file has grown to this.</param>
    /// <exception cref="RecordingException">The file cannot be made.</exception>
    public RecordingWriter(string path, long maxBytes, RecordingHeader header)
    {
        (_path, _maxBytes) = (path, maxBytes);
        try
        {
            // Arguments of programs are in it, and they can hold secrets.
            _file = new FileStream(
                path,
                new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
            _file.Write(RecordingFormat.Magic);
            Span<byte> version = stackalloc byte[2];
            BinaryPrimitives.WriteUInt16LittleEndian(version, RecordingFormat.Version);
            _file.Write(version);
        }
        catch (IOException exception) when (File.Exists(path) && _file is null)
        {
            throw new RecordingException($"{path} exists already; a recording does not replace it. Name another file or remove it.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new RecordingException($"{path} cannot be written: {exception.Message}", exception);
        }

        _written = RecordingFormat.Magic.Length + 2;
        Frame(FrameType.Header, JsonSerializer.SerializeToUtf8Bytes(header, RecordingJson.Default.RecordingHeader));
        _thread = new Thread(WriteBlocks) { Name = "kubecop-recording", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Completes, with the reason, when no more can be recorded: the file is as large as it may get, or the disk failed.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>Bytes in the file so far.</summary>
    public long Written => Volatile.Read(ref _written);

    /// <summary>Records left out because the disk was too slow.</summary>
    public long Missing => Volatile.Read(ref _missing);

    // What follows is for the ring's reader alone.

    public void Record(ReadOnlySpan<byte> record)
    {
        if (_missingUntold > 0 && !TellMissing())
        {
            Miss();
        }
        else if (!TryFrame(FrameType.Record, record))
        {
            Miss();
        }
    }

    public void Discovered(DiscoveryResult result) => Frame(FrameType.Discovered, JsonSerializer.SerializeToUtf8Bytes(result, RecordingJson.Default.DiscoveryResult));

    public void Adopted(ContainerDescription container) =>
        Frame(FrameType.Adopted, JsonSerializer.SerializeToUtf8Bytes(container, RecordingJson.Default.ContainerDescription));

    public void Lost(ulong cgroupId, long count)
    {
        Span<byte> content = stackalloc byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(content, cgroupId);
        BinaryPrimitives.WriteInt64LittleEndian(content[8..], count);
        Frame(FrameType.Lost, content);
    }

    /// <summary>Ends the recording, once nobody writes any more.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _ = TellMissing();
        Span<byte> now = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(now, KernelClock.Now());
        Frame(FrameType.End, now);
        if (!_blocks.TryAdd(_block, StopTime))
        {
            Interlocked.Add(ref _missing, _block.Records);
        }

        // A disk that hangs holds up nobody's end: without what it has not taken the recording ends early.
        _blocks.CompleteAdding();
        if (!_thread.Join(StopTime))
        {
            return;
        }

        _file.Dispose();
        _blocks.Dispose();
    }

    /// <summary>What must not be missing waits in memory, if need be: there is little of it.</summary>
    private void Frame(FrameType type, ReadOnlySpan<byte> content)
    {
        if (!TryFrame(type, content))
        {
            if (_block.Content.WrittenCount + RecordingFormat.FrameHeaderBytes + content.Length <= RecordingFormat.MaxBlockBytes)
            {
                Append(type, content);
            }
            else
            {
                Miss();
            }
        }
    }

    private bool TryFrame(FrameType type, ReadOnlySpan<byte> content)
    {
        // After a second also a small block, so that little is lost with the process.
        if (_block.Content.WrittenCount >= RecordingFormat.BlockBytes ? !HandOver() : Environment.TickCount64 - _handedOver > 1000 && _blocks.Count == 0 && !HandOver())
        {
            return false;
        }

        Append(type, content);
        return true;
    }

    private void Append(FrameType type, ReadOnlySpan<byte> content)
    {
        var header = _block.Content.GetSpan(RecordingFormat.FrameHeaderBytes);
        header[0] = (byte)type;
        BinaryPrimitives.WriteInt32LittleEndian(header[1..], content.Length);
        _block.Content.Advance(RecordingFormat.FrameHeaderBytes);
        _block.Content.Write(content);
        _block.Records += type == FrameType.Record ? 1 : 0;
    }

    private bool HandOver()
    {
        if (_ended.Task.IsCompleted || !_blocks.TryAdd(_block))
        {
            return false;
        }

        _block = _free.TryTake(out var block) ? block : new Block();
        _handedOver = Environment.TickCount64;
        return true;
    }

    private void Miss()
    {
        _missingUntold++;
        Interlocked.Increment(ref _missing);
    }

    private bool TellMissing()
    {
        Span<byte> count = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(count, _missingUntold);
        if (_missingUntold > 0 && !TryFrame(FrameType.Missing, count))
        {
            return false;
        }

        _missingUntold = 0;
        return true;
    }

    private void WriteBlocks()
    {
        var compressed = Array.Empty<byte>();
        foreach (var block in _blocks.GetConsumingEnumerable())
        {
            if (_ended.Task.IsCompleted)
            {
                Interlocked.Add(ref _missing, block.Records);
                continue;
            }

            var content = block.Content.WrittenSpan;
            var bound = RecordingFormat.BlockHeaderBytes + BrotliEncoder.GetMaxCompressedLength(content.Length);
            compressed = compressed.Length < bound ? new byte[bound] : compressed;
            _ = BrotliEncoder.TryCompress(content, compressed.AsSpan(RecordingFormat.BlockHeaderBytes), out var length, CompressionQuality, window: 22);
            BinaryPrimitives.WriteInt32LittleEndian(compressed, length);
            BinaryPrimitives.WriteInt32LittleEndian(compressed.AsSpan(4), content.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(compressed.AsSpan(8), Crc32.HashToUInt32(content));
            if (!TryWrite(compressed.AsSpan(0, RecordingFormat.BlockHeaderBytes + length)))
            {
                Interlocked.Add(ref _missing, block.Records);
            }

            block.Content.ResetWrittenCount();
            block.Records = 0;
            _free.Add(block);
        }
    }

    private bool TryWrite(ReadOnlySpan<byte> block)
    {
        try
        {
            _file.Write(block);
            _file.Flush();
            Volatile.Write(ref _written, _written + block.Length);
            if (_written >= _maxBytes)
            {
                _ended.TrySetResult($"{_path} has reached its largest size.");
            }

            return true;
        }
        catch (IOException exception)
        {
            // A block that was written in part is set aside by the reader: what is before it is good.
            _ended.TrySetResult($"{_path} cannot be written any more: {exception.Message}");
            return false;
        }
    }

    /// <summary>Frames that are written together.</summary>
    private sealed class Block
    {
        public ArrayBufferWriter<byte> Content { get; } = new(RecordingFormat.MaxBlockBytes);

        /// <summary>Records among them.</summary>
        public int Records { get; set; }
    }
}
