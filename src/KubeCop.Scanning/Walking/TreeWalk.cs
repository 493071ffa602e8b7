using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Walking;

/// <summary>
/// Walks a tree depth first, the names of each directory in the order of their bytes, so that a walk can go on behind a position after a restart.
/// It goes from descriptor to descriptor and follows no link, so nothing that happens to the tree meanwhile leads out of it; it does not recurse
/// and holds few directories open, however deep the tree is. For a thread of its own: the system calls may wait for the disk. A file that is not
/// opened costs one statx(2) and no memory.
/// </summary>
internal sealed class TreeWalk : IDisposable
{
    private const int BufferBytes = 64 * 1024;

    // linux_dirent64: inode, offset, length of the record, type, name.
    private const int RecordLength = 16;
    private const int RecordType = 18;
    private const int RecordName = 19;

    /// <summary>Names held at a time over all levels; beyond, directories are read in small pieces.</summary>
    private const int NamesBudget = 32 * 1024 * 1024;
    private const int NamesBeyondBudget = 16;

    private readonly ScanRoot _root;
    private readonly TreeWalkOptions _options;
    private readonly LinkedFiles _links;
    private readonly PassedOver _passed;
    private readonly TimeProvider _time;
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferBytes);
    private readonly HashSet<(ulong Device, ulong Inode)> _mounts = [];
    private readonly byte[][] _resume;
    private readonly Comparison<Name> _byBytes;

    // Stacks: of directories from the root to where the walk is, of their names that are still to come, of these names' bytes, and the path.
    private Level[] _levels = new Level[16];
    private Name[] _names = new Name[1024];
    private byte[] _text = new byte[16 * 1024];
    private byte[] _path = new byte[4096];
    private byte[] _scratch = [];
    private int _top = -1;
    private int _firstOpen;
    private int _namesUsed;
    private int _textUsed;
    private int _pathLength;
    private int _rootLength;

    private bool _started;
    private bool _resuming;
    private SafeFileHandle? _single;
    private Name _current;
    private LibC.FileStatus _status;

    /// <param name="passed">Where what is not handed out is counted; shared by the walks of a scan.</param>
    /// <param name="links">The files with several names that the scan has met; shared by its walks.</param>
    /// <param name="after">The <see cref="Position"/> behind which to begin, of an earlier walk; empty for all.</param>
    public TreeWalk(ScanRoot root, TreeWalkOptions options, LinkedFiles links, PassedOver passed, TimeProvider time, ReadOnlySpan<byte> after = default)
    {
        (_root, _options, _links, _passed, _time) = (root, options, links, passed, time);
        _byBytes = (one, other) => TextOf(one).SequenceCompareTo(TextOf(other));
        _resume = Split(after);
        _resuming = _resume.Length > 0;
    }

    /// <summary>Why there was nothing to walk; null when there is, and before the first <see cref="MoveNext"/>.</summary>
    public string? Problem { get; private set; }

    /// <summary>The file's path as in <see cref="WalkedFile.Path"/>; until the next <see cref="MoveNext"/>.</summary>
    public ReadOnlySpan<byte> Path => _path.AsSpan(0, _pathLength);

    /// <summary>The file's path below the root, without a slash at its beginning: where a later walk of the same root may go on.</summary>
    public ReadOnlySpan<byte> Position => _path.AsSpan(_rootLength, _pathLength - _rootLength).TrimStart((byte)'/');

    /// <summary>The file as it was listed.</summary>
    public FileIdentity Identity => new(_status.Device, _status.Inode, _status.ChangedNanoseconds, _status.Size);

    /// <summary>Goes to the next regular file.</summary>
    /// <returns>False at the end of the tree.</returns>
    /// <exception cref="IOException">The process has no descriptors or memory left: the rest of the tree is not walked.</exception>
    public bool MoveNext()
    {
        if (!_started)
        {
            _started = true;
            if (Start())
            {
                return true;
            }
        }
        else
        {
            CloseSingle();
        }

        while (_top >= 0)
        {
            ref var level = ref _levels[_top];
            if (level.Next < level.End)
            {
                var name = _names[level.Next++];
                if (Visit(ref level, name))
                {
                    return true;
                }
            }
            else if (level.IsPartial)
            {
                var last = TextOf(_names[level.End - 1]).ToArray();
                ReadNames(ref level, last, inclusive: false);
            }
            else
            {
                Leave();
            }
        }

        return false;
    }

    /// <summary>Opens the file for reading.</summary>
    /// <returns>Null when it is gone, is no regular file any more or may not be read, which is counted.</returns>
    /// <exception cref="IOException">The process has no descriptors or memory left.</exception>
    public WalkedFile? Open()
    {
        var ownsEntry = _single is null;
        var entry = _single;
        var error = entry is null ? LibC.OpenEntry(_levels[_top].Descriptor, TerminatedTextOf(_current), out entry) : 0;
        try
        {
            error = error != 0 ? error : LibC.Status(entry, out _status);
            if (error == 0 && !_status.IsRegular)
            {
                error = LibC.NoEntry;
            }

            if (error != 0)
            {
                Pass(error);
                return null;
            }

            error = LibC.OpenContent(entry, out var handle);

            error = error != 0 ? error : LibC.Status(handle, out _status);

            // Its time is taken before its content is read, and behind what mappings have changed: what is written meanwhile makes it another file.
            var isWrittenBack = error == 0 && WalkedFile.IsOld(_status, _time.GetUtcNow()) && LibC.WriteBack(handle);
            if (error != 0 || (isWrittenBack && (error = LibC.Status(handle, out _status)) != 0))
            {
                handle.Dispose();
                Pass(error);
                return null;
            }

            return new WalkedFile(Path.ToArray(), handle, _status, _time.GetUtcNow(), isWrittenBack);
        }
        finally
        {
            if (ownsEntry)
            {
                entry.Dispose();
            }
        }
    }

    public void Dispose()
    {
        CloseSingle();
        for (; _top >= 0; _top--)
        {
            _levels[_top].Close();
        }
    }

    private static byte[][] Split(ReadOnlySpan<byte> path)
    {
        var parts = new List<byte[]>();
        foreach (var range in path.Split((byte)'/'))
        {
            if (!path[range].IsEmpty)
            {
                parts.Add(path[range].ToArray());
            }
        }

        return [.. parts];
    }

    private static bool HasFailed(int error) => error is LibC.TableFull or LibC.TooManyOpen or LibC.NoMemory;

    /// <returns>Whether the root is itself a file, which is the current one now.</returns>
    private bool Start()
    {
        var error = _root.Open(out var entry, out var path);
        error = error != 0 ? error : LibC.Status(entry, out _status);
        if (error != 0)
        {
            entry.Dispose();
            Fail(error);
            return false;
        }

        var isFile = false;
        try
        {
            Append(path.AsSpan().TrimEnd((byte)'/'));
            _rootLength = _pathLength;
            if (!IsWalked(FileSystems.KindOf(LibC.FileSystemType(entry)), isNamed: _root.Kind == ScanRootKind.HostPath))
            {
                Problem = "its file system is not walked";
            }
            else if (_status.IsRegular)
            {
                // Behind itself there is nothing.
                isFile = _resume.Length == 0;
                _single = isFile ? entry : null;
            }
            else if (_status.IsDirectory)
            {
                EnterRoot(entry);
            }
            else
            {
                _passed.Add(PassReason.Special);
            }
        }
        finally
        {
            if (!isFile)
            {
                entry.Dispose();
            }
        }

        return isFile;
    }

    private void EnterRoot(SafeFileHandle entry)
    {
        var error = LibC.OpenDirectory((int)entry.DangerousGetHandle(), ".\0"u8, out var directory);
        if (error != 0)
        {
            directory.Dispose();
            Fail(error);
            return;
        }

        _mounts.Add((_status.Device, _status.Inode));
        Push(directory, _status);
    }

    private void Fail(int error)
    {
        Pass(error);
        Problem = Marshal.GetPInvokeErrorMessage(error);
    }

    /// <returns>Whether it is a file, which is the current one now.</returns>
    private bool Visit(ref Level level, Name name)
    {
        var isResumed = false;
        var isMet = false;
        if (_resuming)
        {
            isResumed = TextOf(name).SequenceEqual(_resume[_top]);
            isMet = isResumed && _top == _resume.Length - 1;
            _resuming = isResumed && !isMet;
        }

        if (!name.MayBeWalked)
        {
            _passed.Add(name.IsLink ? PassReason.Link : PassReason.Special);
            return false;
        }

        var text = TerminatedTextOf(name);
        var error = LibC.Status(level.Descriptor, text, out _status);
        if (error != 0)
        {
            Pass(error);
        }
        else if (_status.IsDirectory)
        {
            Enter(ref level, name);
            return false;
        }
        else if (!_status.IsRegular)
        {
            _passed.Add(_status.IsLink ? PassReason.Link : PassReason.Special);
        }
        else if (!isMet && (!_status.IsMountRoot || MayCross(ref level, text)))
        {
            if (_status.Links < 2 || _links.Meet(_status.Device, _status.Inode))
            {
                _resuming = false;
                _current = name;
                _pathLength = level.PathLength;
                AppendName(name);
                return true;
            }

            _passed.Add(PassReason.HardLink);
        }

        // What the position lay in is no directory any more.
        _resuming = false;
        return false;
    }

    private void Enter(ref Level level, Name name)
    {
        var text = TerminatedTextOf(name);
        var listed = _status;
        if (_top >= _options.MaxDepth)
        {
            _passed.Add(PassReason.TooDeep);
        }
        else if (listed.IsAutomount)
        {
            _passed.Add(PassReason.NetworkFileSystem);
        }
        else if ((!listed.IsMountRoot && listed.Device == level.Device) || MayCross(ref level, text))
        {
            var error = LibC.OpenDirectory(level.Descriptor, text, out var directory);
            error = error != 0 ? error : LibC.Status(directory, out _status);

            // What was put or mounted there since may be what is not walked: the next walk sees it.
            if (error != 0 || _status.Device != listed.Device || _status.Inode != listed.Inode)
            {
                directory.Dispose();
                _resuming = false;
                Pass(error != 0 ? error : LibC.NoEntry);
                return;
            }

            _pathLength = level.PathLength;
            AppendName(name);
            Push(directory, _status);
            return;
        }

        _resuming = false;
    }

    /// <summary>Whether what is mounted there is to be walked; counted if not.</summary>
    private bool MayCross(ref Level level, ReadOnlySpan<byte> name)
    {
        if (_root.ContainerId is not null
            || _options.WalkedElsewhere.Contains(_status.Device)
            || (_status.IsMountRoot && _status.IsDirectory && !_mounts.Add((_status.Device, _status.Inode))))
        {
            _passed.Add(PassReason.WalkedElsewhere);
            return false;
        }

        var error = LibC.OpenEntry(level.Descriptor, name, out var entry);
        using (entry)
        {
            if (error != 0)
            {
                Pass(error);
                return false;
            }

            return IsWalked(FileSystems.KindOf(LibC.FileSystemType(entry)), isNamed: false);
        }
    }

    private bool IsWalked(FileSystemKind kind, bool isNamed)
    {
        if (kind == FileSystemKind.Local || (kind == FileSystemKind.Network && (isNamed || _options.CrossesIntoNetwork)))
        {
            return true;
        }

        _passed.Add(kind == FileSystemKind.Pseudo ? PassReason.PseudoFileSystem : PassReason.NetworkFileSystem);
        return false;
    }

    private void Push(SafeFileHandle directory, in LibC.FileStatus status)
    {
        if (++_top == _levels.Length)
        {
            Array.Resize(ref _levels, _levels.Length * 2);
        }

        if (_top - _firstOpen >= Math.Max(2, _options.MaxOpen))
        {
            _levels[_firstOpen++].Close();
        }

        _levels[_top] = new Level(directory, status.Device, status.Inode, _pathLength, _namesUsed, _textUsed);
        if (_resuming)
        {
            ReadNames(ref _levels[_top], _resume[_top], inclusive: true);
        }
        else
        {
            ReadNames(ref _levels[_top], [], inclusive: true);
        }
    }

    private void Leave()
    {
        _resuming = false;
        ref var left = ref _levels[_top--];
        (_namesUsed, _textUsed) = (left.First, left.TextStart);
        if (_top >= 0 && _top < _firstOpen)
        {
            Reopen(left.Handle!);
        }

        left.Close();
    }

    /// <summary>Opens the innermost directory again, which had to be closed.</summary>
    private void Reopen(SafeFileHandle child)
    {
        _firstOpen = _top;
        ref var level = ref _levels[_top];
        var error = LibC.OpenDirectory((int)child.DangerousGetHandle(), "..\0"u8, out var parent);
        if (error == 0 && level.Is(parent))
        {
            level.Handle = parent;
            return;
        }

        parent.Dispose();
        StopIfFailed(error);
        Redescend();
    }

    /// <summary>The child was moved away: goes down from the root again, as far as there are the same directories.</summary>
    private void Redescend()
    {
        var wanted = _top;
        _top = -1;
        var error = _root.Open(out var entry, out _);
        using (entry)
        {
            var opened = LibC.OpenDirectory((int)entry.DangerousGetHandle(), ".\0"u8, out var directory);
            error = error != 0 ? error : opened;
            while (error == 0 && _levels[_top + 1].Is(directory))
            {
                _top++;
                (_levels[_top].Handle, _firstOpen) = (directory, _top);
                if (_top > 0)
                {
                    _levels[_top - 1].Close();
                }

                if (_top == wanted)
                {
                    return;
                }

                var (start, end) = (_levels[_top].PathLength + 1, _levels[_top + 1].PathLength);
                error = LibC.OpenDirectory((int)directory.DangerousGetHandle(), BytePath.Terminated(_path.AsSpan(start, end - start)), out directory);
            }

            directory.Dispose();
        }

        StopIfFailed(error);
        _passed.Add(PassReason.Vanished);
        (_namesUsed, _textUsed) = (_levels[_top + 1].First, _levels[_top + 1].TextStart);
    }

    /// <summary>Takes the directory's next names, from a bound on, as many as may be held.</summary>
    private void ReadNames(ref Level level, ReadOnlySpan<byte> bound, bool inclusive)
    {
        (_namesUsed, _textUsed) = (level.First, level.TextStart);
        (level.Next, level.End, level.IsPartial) = (level.First, level.First, false);
        var limit = _textUsed > NamesBudget ? Math.Min(NamesBeyondBudget, _options.MaxNames) : _options.MaxNames;
        var read = LibC.Rewind(level.Descriptor) ? LibC.ReadEntries(level.Descriptor, _buffer) : -LibC.NoEntry;
        for (; read > 0; read = LibC.ReadEntries(level.Descriptor, _buffer))
        {
            for (var rest = _buffer.AsSpan(0, read); rest.Length > RecordName;)
            {
                var length = BinaryPrimitives.ReadUInt16LittleEndian(rest[RecordLength..]);
                var name = rest[RecordName..length];
                name = name[..name.IndexOf((byte)0)];
                if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8) && name.SequenceCompareTo(bound) >= (inclusive ? 0 : 1))
                {
                    AddName(name, rest[RecordType]);
                    if (_namesUsed - level.First >= 2 * limit)
                    {
                        level.IsPartial = true;
                        KeepFirst(ref level, limit);
                    }
                }

                rest = rest[length..];
            }
        }

        if (read < 0)
        {
            Pass(-read);
        }

        level.IsPartial |= _namesUsed - level.First > limit;
        KeepFirst(ref level, limit);
        level.End = _namesUsed;
    }

    private void AddName(ReadOnlySpan<byte> text, byte type)
    {
        if (_namesUsed == _names.Length)
        {
            Array.Resize(ref _names, _names.Length * 2);
        }

        Grow(ref _text, _textUsed, text.Length + 1);
        text.CopyTo(_text.AsSpan(_textUsed));
        _text[_textUsed + text.Length] = 0;
        _names[_namesUsed++] = new Name(_textUsed, (ushort)text.Length, type);
        _textUsed += text.Length + 1;
    }

    /// <summary>Sorts a level's names and drops the last ones, with their bytes.</summary>
    private void KeepFirst(ref Level level, int limit)
    {
        var names = _names.AsSpan(level.First, _namesUsed - level.First);
        names.Sort(_byBytes);
        if (names.Length <= limit)
        {
            return;
        }

        Grow(ref _scratch, 0, _textUsed - level.TextStart);
        var used = 0;
        foreach (ref var name in names[..limit])
        {
            TerminatedTextOf(name).CopyTo(_scratch.AsSpan(used));
            name = name with { Start = level.TextStart + used };
            used += name.Length + 1;
        }

        _scratch.AsSpan(0, used).CopyTo(_text.AsSpan(level.TextStart));
        (_textUsed, _namesUsed) = (level.TextStart + used, level.First + limit);
    }

    private static void Grow(ref byte[] buffer, int used, int more)
    {
        if (buffer.Length - used < more)
        {
            Array.Resize(ref buffer, Math.Max(buffer.Length * 2, used + more));
        }
    }

    private ReadOnlySpan<byte> TextOf(Name name) => _text.AsSpan(name.Start, name.Length);

    private ReadOnlySpan<byte> TerminatedTextOf(Name name) => _text.AsSpan(name.Start, name.Length + 1);

    private void AppendName(Name name)
    {
        Append("/"u8);
        Append(TextOf(name));
    }

    private void Append(ReadOnlySpan<byte> text)
    {
        Grow(ref _path, _pathLength, text.Length);
        text.CopyTo(_path.AsSpan(_pathLength));
        _pathLength += text.Length;
    }

    private void Pass(int error)
    {
        StopIfFailed(error);
        _passed.Add(error is LibC.NoEntry or LibC.NotDirectory or LibC.Stale or LibC.NoProcess or LibC.NoDevice or LibC.TooManyLinks
            ? PassReason.Vanished
            : PassReason.Unreadable);
    }

    private void StopIfFailed(int error)
    {
        if (HasFailed(error))
        {
            throw new IOException(
                $"The scan of {_root} cannot go on: {Marshal.GetPInvokeErrorMessage(error)}. Raise the limit of open files (LimitNOFILE) or of memory.", error);
        }
    }

    private void CloseSingle()
    {
        _single?.Dispose();
        _single = null;
    }

    /// <summary>An entry of a directory.</summary>
    /// <param name="Start">Of its bytes, which a zero byte follows.</param>
    /// <param name="Type">As readdir(3) tells it, which is only a hint.</param>
    private readonly record struct Name(int Start, ushort Length, byte Type)
    {
        private const byte Unknown = 0;
        private const byte Directory = 4;
        private const byte Regular = 8;
        private const byte Link = 10;

        public bool MayBeWalked => Type is Unknown or Directory or Regular;

        public bool IsLink => Type == Link;
    }

    /// <summary>A directory between the root and where the walk is.</summary>
    /// <param name="pathLength">Of its path.</param>
    /// <param name="first">Of its names.</param>
    /// <param name="textStart">Of their bytes.</param>
    private struct Level(SafeFileHandle handle, ulong device, ulong inode, int pathLength, int first, int textStart)
    {
        public readonly ulong Device = device;
        public readonly int PathLength = pathLength;
        public readonly int First = first;
        public readonly int TextStart = textStart;
        public int Next = first;
        public int End = first;

        /// <summary>Whether there are more names than are held.</summary>
        public bool IsPartial;

        private readonly ulong _inode = inode;

        /// <summary>Null while it is closed.</summary>
        public SafeFileHandle? Handle = handle;

        public readonly int Descriptor => (int)Handle!.DangerousGetHandle();

        public readonly bool Is(SafeFileHandle directory) =>
            LibC.Status(directory, out var status) == 0 && status.Device == Device && status.Inode == _inode;

        public void Close()
        {
            Handle?.Dispose();
            Handle = null;
        }
    }
}
