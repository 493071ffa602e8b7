using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace KubeCop.Scanning.Walking;

/// <summary>
/// The files that were found clean, as they were then. A table of 16 bytes a file with open addressing: a hash of where the file is (device, inode),
/// and one of its state (ctime, size) with the number of the scan that met it last. Hashes are seeded with a secret of this node, so that nobody can
/// make a file that looks like another. Bounded: where there is no room a file is not remembered, and is scanned again. Any thread may use it.
/// </summary>
internal sealed class KnownFiles
{
    /// <summary>2 million files: 43 MB when full, and as much on the disk.</summary>
    public const int DefaultLimit = 2_000_000;

    private const int FirstSlots = 1024;
    private const int MaxSignaturesBytes = 1024;

    // The number of the scan, in the lowest bits of an entry's state.
    private const ulong ScanBits = 0xff;

    private const int HeaderBytes = 40;
    private const int EntryBytes = 16;

    private readonly Lock _lock = new();
    private readonly int _limit;
    private long _seed = NewSeed();
    private Entry[] _slots = [];
    private int _count;
    private byte _scan;
    private bool _isSwept;
    private string _signatures = "";

    /// <param name="limit">The most files that are remembered; at least 1.</param>
    public KnownFiles(int limit = DefaultLimit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        _limit = limit;
        Clear();
    }

    private static ReadOnlySpan<byte> Magic => "kckf-v1\n"u8;

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }
    }

    /// <summary>Files that were not remembered, for want of room.</summary>
    public long LeftOut { get; private set; }

    /// <summary>What the table takes in memory.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
            {
                return (long)_slots.Length * EntryBytes;
            }
        }
    }

    /// <summary>Says by which engine and signatures files are judged from now on. What others found clean is forgotten.</summary>
    /// <param name="signatures">For example <c>ClamAV 1.4.3/27789</c>; at most 1024 bytes in UTF-8.</param>
    /// <returns>Whether anything was forgotten.</returns>
    public bool Bind(string signatures)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Encoding.UTF8.GetByteCount(signatures), MaxSignaturesBytes, nameof(signatures));
        lock (_lock)
        {
            if (signatures == _signatures)
            {
                return false;
            }

            var forgets = _count > 0;
            _signatures = signatures;
            Clear();
            return forgets;
        }
    }

    /// <summary>
    /// A scan of everything begins, not the rest of one: what neither of the two scans before met is forgotten, for it is gone or has changed.
    /// </summary>
    public void BeginScan()
    {
        lock (_lock)
        {
            _scan++;
            _isSwept = false;
            Rebuild(_slots.Length, maxAge: 2);
        }
    }

    /// <summary>Whether the file was found clean as it is.</summary>
    public bool Contains(in FileIdentity file)
    {
        lock (_lock)
        {
            var (place, state) = HashesOf(file);
            ref var entry = ref Find(place);
            if (entry.Place != place || (entry.State & ~ScanBits) != state)
            {
                return false;
            }

            entry.State = state | _scan;
            return true;
        }
    }

    /// <summary>
    /// The file was found clean. To be called only for one that was <see cref="WalkedFile.IsSettled"/> when it was opened, with the identity it
    /// had then.
    /// </summary>
    /// <param name="signatures">By which it was judged; nothing is remembered if <see cref="Bind"/> said otherwise meanwhile.</param>
    /// <returns>False when it is not remembered.</returns>
    public bool Add(in FileIdentity file, string signatures)
    {
        lock (_lock)
        {
            if (signatures != _signatures)
            {
                return false;
            }

            var (place, state) = HashesOf(file);
            ref var entry = ref Find(place);
            if (entry.Place != place)
            {
                if (!MakeRoom())
                {
                    LeftOut++;
                    return false;
                }

                entry = ref Find(place);
                entry.Place = place;
                _count++;
            }

            entry.State = state | _scan;
            return true;
        }
    }

    /// <summary>Writes all to a file, in place of what it held: after a crash it is the old one or the new one.</summary>
    /// <exception cref="IOException">It cannot be written; the old one is still there.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void Save(string path)
    {
        var content = Encode();
        var temporary = path + ".tmp";
        var options = new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            BufferSize = 0,
        };
        using (var file = new FileStream(temporary, options))
        {
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
        LibC.SyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Takes what <see cref="Save"/> wrote, in place of what is known. Then <see cref="Bind"/> says whether it still holds.</summary>
    /// <returns>Why nothing was taken, as a sentence; null when it was, and when there is no such file.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public string? Load(string path)
    {
        byte[] content;
        try
        {
            using var file = File.OpenHandle(path, options: FileOptions.SequentialScan);
            var length = RandomAccess.GetLength(file);
            if (length > HeaderBytes + MaxSignaturesBytes + ((long)_limit * EntryBytes) || length < HeaderBytes)
            {
                return $"'{path}' has {length} bytes, which no file of known files has; all files are scanned again.";
            }

            content = new byte[length];
            for (var read = 0; read < content.Length;)
            {
                var more = RandomAccess.Read(file, content.AsSpan(read), read);
                if (more == 0)
                {
                    break;
                }

                read += more;
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        return Decode(content) ? null : $"'{path}' is damaged or of another version; all files are scanned again.";
    }

    private static long NewSeed() => BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long)));

    // Magic 8, checksum 8 over all that follows, seed 8, number of entries 4, scan 4, length of signatures 4, reserved 4; signatures; entries.
    private byte[] Encode()
    {
        lock (_lock)
        {
            var signatures = Encoding.UTF8.GetBytes(_signatures);
            var content = new byte[HeaderBytes + signatures.Length + (_count * EntryBytes)];
            var rest = content.AsSpan();
            Magic.CopyTo(rest);
            BinaryPrimitives.WriteInt64LittleEndian(rest[16..], _seed);
            BinaryPrimitives.WriteInt32LittleEndian(rest[24..], _count);
            BinaryPrimitives.WriteInt32LittleEndian(rest[28..], _scan);
            BinaryPrimitives.WriteInt32LittleEndian(rest[32..], signatures.Length);
            signatures.CopyTo(rest[HeaderBytes..]);
            rest = rest[(HeaderBytes + signatures.Length)..];
            foreach (ref readonly var entry in _slots.AsSpan())
            {
                if (entry.Place != 0)
                {
                    BinaryPrimitives.WriteUInt64LittleEndian(rest, entry.Place);
                    BinaryPrimitives.WriteUInt64LittleEndian(rest[8..], entry.State);
                    rest = rest[EntryBytes..];
                }
            }

            BinaryPrimitives.WriteUInt64LittleEndian(content.AsSpan(8), XxHash3.HashToUInt64(content.AsSpan(16)));
            return content;
        }
    }

    private bool Decode(ReadOnlySpan<byte> content)
    {
        var count = BinaryPrimitives.ReadInt32LittleEndian(content[24..]);
        var signatures = BinaryPrimitives.ReadInt32LittleEndian(content[32..]);
        if (!content.StartsWith(Magic)
            || BinaryPrimitives.ReadUInt64LittleEndian(content[8..]) != XxHash3.HashToUInt64(content[16..])
            || count < 0 || count > _limit || signatures is < 0 or > MaxSignaturesBytes
            || content.Length != HeaderBytes + signatures + ((long)count * EntryBytes))
        {
            return false;
        }

        lock (_lock)
        {
            _seed = BinaryPrimitives.ReadInt64LittleEndian(content[16..]);
            _scan = (byte)BinaryPrimitives.ReadInt32LittleEndian(content[28..]);
            _signatures = Encoding.UTF8.GetString(content.Slice(HeaderBytes, signatures));
            Clear(count);
            for (var rest = content[(HeaderBytes + signatures)..]; !rest.IsEmpty; rest = rest[EntryBytes..])
            {
                var place = BinaryPrimitives.ReadUInt64LittleEndian(rest);
                ref var entry = ref Find(place);
                if (place != 0 && entry.Place == 0)
                {
                    entry = new Entry { Place = place, State = BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]) };
                    _count++;
                }
            }

            return true;
        }
    }

    private void Clear(int expected = 0)
    {
        _slots = new Entry[Math.Max(FirstSlots, SlotsFor(expected))];
        _count = 0;
    }

    // A quarter stays free: searches are short then.
    private static int SlotsFor(int files) => (int)(((long)files * 4 / 3) + 2);

    /// <summary>
    /// Makes place for one more, if it may be had: by a larger table, at its limit by forgetting what this scan and the one before did not meet.
    /// </summary>
    private bool MakeRoom()
    {
        if (_count >= _limit)
        {
            if (_isSwept)
            {
                return false;
            }

            _isSwept = true;
            Rebuild(_slots.Length, maxAge: 1);
            return _count < _limit;
        }

        if (SlotsFor(_count + 1) > _slots.Length)
        {
            Rebuild((int)Math.Min(_slots.Length * 2L, SlotsFor(_limit)), maxAge: byte.MaxValue);
        }

        return true;
    }

    /// <param name="maxAge">In scans.</param>
    private void Rebuild(int slots, int maxAge)
    {
        var old = _slots;
        _slots = new Entry[slots];
        _count = 0;
        foreach (ref readonly var entry in old.AsSpan())
        {
            if (entry.Place != 0 && (byte)(_scan - (byte)(entry.State & ScanBits)) <= maxAge)
            {
                Find(entry.Place) = entry;
                _count++;
            }
        }
    }

    /// <summary>The entry of a place, or the free one where it belongs. There is always a free one.</summary>
    private ref Entry Find(ulong place)
    {
        var slots = _slots;
        for (var slot = (int)Math.BigMul(place, (ulong)slots.Length, out _); ; slot = slot + 1 == slots.Length ? 0 : slot + 1)
        {
            ref var entry = ref slots[slot];
            if (entry.Place == place || entry.Place == 0)
            {
                return ref entry;
            }
        }
    }

    private (ulong Place, ulong State) HashesOf(in FileIdentity file)
    {
        ReadOnlySpan<ulong> place = [file.Device, file.Inode];
        ReadOnlySpan<ulong> state = [file.Device, file.Inode, (ulong)file.ChangedNanoseconds, (ulong)file.Size];
        return (
            Math.Max(1, XxHash3.HashToUInt64(MemoryMarshal.AsBytes(place), _seed)),
            XxHash3.HashToUInt64(MemoryMarshal.AsBytes(state), ~_seed) & ~ScanBits);
    }

    private struct Entry
    {
        /// <summary>0 of a free one.</summary>
        public ulong Place;

        public ulong State;
    }
}
