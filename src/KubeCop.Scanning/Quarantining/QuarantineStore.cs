using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using KubeCop.Core.Malware;
using KubeCop.Scanning.Walking;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Quarantining;

/// <summary>
/// Files with malware that were moved aside: <c>ID</c> with mode 000, and what is known of it in <c>ID.json</c>, in a directory of mode 0700. Whoever
/// owns the directory that a file is taken from may swap it at any time; so names are only used below descriptors, and what they lead to is compared
/// with what was judged, before and after. One store at a time takes; verbs may list, restore and delete beside it.
/// </summary>
/// <param name="directory">Made when the first file comes.</param>
/// <param name="hostRoot">Where the host's <c>/</c> is.</param>
public sealed class QuarantineStore(string directory, string hostRoot, QuarantineOptions options, TimeProvider time)
{
    private const string Extension = ".json";
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int CopyBytes = 128 * 1024;

    private readonly Lock _lock = new();
    private readonly HostRoot _host = new(hostRoot);
    private readonly byte[][] _allowed = [.. options.Paths.Select(static path => Encoding.UTF8.GetBytes(path.TrimEnd('/')))];
    private readonly byte[][] _forbidden = [.. QuarantineOptions.RuntimeDirectories.Select(Encoding.UTF8.GetBytes)];
    private readonly long[] _refused = new long[Enum.GetValues<QuarantineRefusal>().Length];
    private long _moved;

    /// <summary>Files that were moved aside.</summary>
    public long Moved => Volatile.Read(ref _moved);

    /// <summary>Files that were below an allowed path and stayed, by reason.</summary>
    public long Refused(QuarantineRefusal reason) => Volatile.Read(ref _refused[(int)reason]);

    /// <summary>Called between the look at a name and its move: for tests that swap the file then.</summary>
    internal Action BeforeMove { get; set; } = static () => { };

    /// <summary>Has content copied although it could be moved: for tests.</summary>
    internal bool AlwaysCopies { get; set; }

    /// <summary>Moves a file aside whose content was judged through its descriptor.</summary>
    /// <returns>The finding, which says where the file is now, or why it stayed.</returns>
    internal MalwareFinding Take(WalkedFile file, ScanRoot root, MalwareFinding finding)
    {
        var id = $"{(finding.Sha256.Length > 0 ? finding.Sha256[..12] : "unread")}-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        var (refusal, detail) = FindRefusal(file, root, finding);
        if (refusal == QuarantineRefusal.None)
        {
            lock (_lock)
            {
                try
                {
                    (refusal, detail) = Move(file, finding, id);
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or QuarantineException)
                {
                    (refusal, detail) = (QuarantineRefusal.Failed, exception.Message);
                }
            }
        }

        switch (refusal)
        {
            case QuarantineRefusal.None:
                Interlocked.Increment(ref _moved);
                return finding with { QuarantineId = id };
            case QuarantineRefusal.NotAllowed:
                return finding;
            default:
                Interlocked.Increment(ref _refused[(int)refusal]);
                return finding with { NotQuarantined = detail };
        }
    }

    /// <summary>What is there, oldest first.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public IReadOnlyList<QuarantinedFile> List() => !Directory.Exists(directory) ? [] :
    [
        .. Directory.EnumerateFiles(directory, $"*{Extension}").Select(path => Path.GetFileNameWithoutExtension(path)).Where(IsThere).Select(Read)
            .OrderBy(static file => file.MovedAt).ThenBy(static file => file.Id, StringComparer.Ordinal),
    ];

    /// <summary>Puts a file back, with its owner, permissions and time of modification. Nothing is ever overwritten.</summary>
    /// <param name="to">Where to on the host; null for where it was.</param>
    /// <returns>The path.</returns>
    /// <exception cref="QuarantineException">There is no such file, or it cannot be put there.</exception>
    public string Restore(string id, string? to)
    {
        var known = Find(id);
        var target = to is null ? known.RawPath : Encoding.UTF8.GetBytes(to);
        var shown = to ?? known.Path;
        var slash = target.AsSpan().LastIndexOf((byte)'/');
        var name = target[(slash + 1)..];
        if (slash < 0 || target[0] != '/' || name.Length == 0 || name.AsSpan().SequenceEqual("."u8) || name.AsSpan().SequenceEqual(".."u8))
        {
            throw new QuarantineException($"'{shown}' is no place for a file; expected the whole path of a file that is not there yet, beginning with /.");
        }

        // Back where it was only if no link leads elsewhere by now; where somebody says now, as they say it.
        var error = OpenDirectory(target.AsSpan(0, slash), followsLinks: to is not null, out var parent);
        using (parent)
        {
            Check(error, $"The directory of '{shown}' cannot be opened", to is null ? " Make it, or name another place with --to." : "");
            using var store = OpenStore();
            var entry = Path.Combine(directory, id);
            File.SetUnixFileMode(entry, Private);
            using (var content = File.OpenHandle(entry))
            {
                Restore(known, id, content, store, parent, BytePath.Terminated(name), shown);
            }
        }

        File.Delete(MetadataOf(id));
        return shown;
    }

    /// <summary>Deletes a file for good.</summary>
    /// <exception cref="QuarantineException">There is no such file, or it cannot be deleted.</exception>
    public void Delete(string id)
    {
        Find(id);
        try
        {
            File.Delete(Path.Combine(directory, id));
            File.Delete(MetadataOf(id));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new QuarantineException($"'{id}' cannot be deleted: {exception.Message}", exception);
        }
    }

    private (QuarantineRefusal, string) FindRefusal(WalkedFile file, ScanRoot root, MalwareFinding finding)
    {
        if (!options.Enabled || root.ContainerId is not null || !Array.Exists(_allowed, allowed => BytePath.IsWithin(file.Path, allowed)))
        {
            return (QuarantineRefusal.NotAllowed, "");
        }

        return root.Kind is ScanRootKind.ImageLayer or ScanRootKind.UpperLayer or ScanRootKind.Merged
                || finding.Places.Any(static place => place.Layer != MalwareLayer.Volume)
                || Array.Exists(_forbidden, forbidden => BytePath.IsWithin(file.Path, forbidden))
            ? (QuarantineRefusal.ContainerLayer, "it is of a container's file system, which is never moved")
            : (QuarantineRefusal.None, "");
    }

    private (QuarantineRefusal, string) Move(WalkedFile file, MalwareFinding finding, string id)
    {
        Directory.CreateDirectory(directory, Private | UnixFileMode.UserExecute);
        File.SetUnixFileMode(directory, Private | UnixFileMode.UserExecute);
        var kept = List();
        if (kept.Count >= options.MaxFiles || kept.Sum(static file => file.Size) + file.Identity.Size > options.MaxBytes)
        {
            return (QuarantineRefusal.Full, $"the quarantine is full ({QuarantineOptions.Section}:{nameof(options.MaxFiles)}, {nameof(options.MaxBytes)}); see: kubecop quarantine list");
        }

        var slash = file.Path.AsSpan().LastIndexOf((byte)'/');
        var name = BytePath.Terminated(file.Path.AsSpan(slash + 1));
        var error = OpenDirectory(file.Path.AsSpan(0, slash), followsLinks: false, out var parent);
        using (parent)
        {
            if (error != 0 || FileMoves.Status(parent, name, out var before) != 0 || !IsSame(before, file))
            {
                return Changed;
            }

            using var store = OpenStore();
            WriteMetadata(file, finding, id);
            var (refusal, detail) = Move(file, parent, name, store, id);
            if (refusal != QuarantineRefusal.None && !IsThere(id))
            {
                File.Delete(MetadataOf(id));
            }

            return (refusal, detail);
        }
    }

    private static (QuarantineRefusal, string) Changed => (QuarantineRefusal.Changed, "it was changed or replaced while it was scanned");

    private (QuarantineRefusal, string) Move(WalkedFile file, SafeFileHandle parent, byte[] name, SafeFileHandle store, string id)
    {
        BeforeMove();
        var entry = Encoding.ASCII.GetBytes(id + '\0');

        // Another name of the file may be one of the system's: its permissions are not ours to take.
        var error = AlwaysCopies || file.Links > 1 ? FileMoves.OtherDevice : FileMoves.Move(parent, name, store, entry);
        if (FileMoves.NeedsCopy(error))
        {
            return Copy(file, parent, name, store, entry);
        }

        if (error != 0)
        {
            return error == LibC.NoEntry ? Changed : (QuarantineRefusal.Failed, FileMoves.Describe(error));
        }

        if (FileMoves.Status(store, entry, out var after) != 0 || (after.Device, after.Inode) != (file.Identity.Device, file.Identity.Inode))
        {
            // Swapped between look and move. Back with what is not ours; where its name is taken again it stays, with the metadata that says where it was.
            _ = FileMoves.Move(store, entry, parent, name);
            return Changed;
        }

        File.SetUnixFileMode(file.Handle, UnixFileMode.None);
        LibC.SyncDirectory(directory);
        return (QuarantineRefusal.None, "");
    }

    private static (QuarantineRefusal, string) Copy(WalkedFile file, SafeFileHandle parent, byte[] name, SafeFileHandle store, byte[] entry)
    {
        var error = FileMoves.Create(store, entry, out var copy);
        using (copy)
        {
            if (error != 0)
            {
                return (QuarantineRefusal.Failed, FileMoves.Describe(error));
            }

            try
            {
                // Not more than was judged: somebody may go on to write.
                Copy(file.Handle, copy, file.Identity.Size);
                File.SetUnixFileMode(copy, UnixFileMode.None);
                RandomAccess.FlushToDisk(copy);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                _ = FileMoves.Remove(store, entry);
                return (QuarantineRefusal.Failed, exception.Message);
            }
        }

        if (FileMoves.Status(parent, name, out var status) != 0 || !IsSame(status, file))
        {
            _ = FileMoves.Remove(store, entry);
            return Changed;
        }

        error = FileMoves.Remove(parent, name);
        if (error != 0)
        {
            _ = FileMoves.Remove(store, entry);
            return error == LibC.NoEntry ? Changed : (QuarantineRefusal.Failed, FileMoves.Describe(error));
        }

        return (QuarantineRefusal.None, "");
    }

    private void Restore(
        QuarantinedFile known, string id, SafeFileHandle content, SafeFileHandle store, SafeFileHandle parent, byte[] name, string shown)
    {
        var entry = Encoding.ASCII.GetBytes(id + '\0');
        Dress(known, content, shown);
        var error = AlwaysCopies ? FileMoves.OtherDevice : FileMoves.Move(store, entry, parent, name);
        if (!FileMoves.NeedsCopy(error))
        {
            if (error != 0)
            {
                File.SetUnixFileMode(content, UnixFileMode.None);
            }

            Check(error, $"'{shown}' cannot be written", Advice(error));
            return;
        }

        error = FileMoves.Create(parent, name, out var copy);
        using (copy)
        {
            File.SetUnixFileMode(content, UnixFileMode.None);
            Check(error, $"'{shown}' cannot be written", Advice(error));
            try
            {
                Copy(content, copy, RandomAccess.GetLength(content));
                Dress(known, copy, shown);
                RandomAccess.FlushToDisk(copy);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or QuarantineException)
            {
                _ = FileMoves.Remove(parent, name);
                throw new QuarantineException($"'{shown}' cannot be written: {exception.Message}", exception);
            }
        }

        Check(FileMoves.Remove(store, entry), $"'{shown}' was written, but '{id}' cannot be removed from the quarantine", "");
    }

    private static string Advice(int error) => error == FileMoves.Exists ? " Nothing is overwritten: move what is there away, or name another place with --to." : "";

    /// <summary>Gives a file its owner, permissions and time of modification. The owner first: a new owner takes set-user-id bits away.</summary>
    private static void Dress(QuarantinedFile known, SafeFileHandle file, string shown)
    {
        Check(FileMoves.ChangeOwner(file, known.Owner, known.Group), $"'{shown}' cannot be given to its owner {known.Owner}:{known.Group}", "");
        File.SetLastWriteTimeUtc(file, known.Modified.UtcDateTime);
        File.SetUnixFileMode(file, (UnixFileMode)known.Mode);
    }

    private static void Check(int error, string what, string advice)
    {
        if (error != 0)
        {
            throw new QuarantineException($"{what}: {FileMoves.Describe(error)}.{advice}");
        }
    }

    private static void Copy(SafeFileHandle from, SafeFileHandle to, long length)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(CopyBytes);
        try
        {
            for (long at = 0; at < length;)
            {
                var read = RandomAccess.Read(from, buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - at)), at);
                if (read == 0)
                {
                    return;
                }

                RandomAccess.Write(to, buffer.AsSpan(0, read), at);
                at += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static bool IsSame(in LibC.FileStatus status, WalkedFile file) =>
        new FileIdentity(status.Device, status.Inode, status.ChangedNanoseconds, status.Size) == file.Identity;

    /// <param name="path">On the host; empty for its root.</param>
    private int OpenDirectory(ReadOnlySpan<byte> path, bool followsLinks, out SafeFileHandle handle)
    {
        var error = _host.Open(out var root);
        using (root)
        {
            if (error != 0)
            {
                handle = new SafeFileHandle(-1, ownsHandle: true);
                return error;
            }

            var terminated = BytePath.Terminated(path.IsEmpty ? "/"u8 : path);
            return followsLinks ? LibC.OpenInRoot(root, terminated, out handle) : LibC.OpenWithoutLinks(root, terminated, out handle);
        }
    }

    private SafeFileHandle OpenStore()
    {
        var error = LibC.OpenPath(Encoding.UTF8.GetBytes(directory + '\0'), out var store);
        return error == 0 ? store : throw new IOException($"'{directory}' cannot be opened: {FileMoves.Describe(error)}.");
    }

    private void WriteMetadata(WalkedFile file, MalwareFinding finding, string id)
    {
        var known = new QuarantinedFile(
            id, finding.HostPath, file.Path, finding.Node, finding.Signature, finding.Sha256, file.Identity.Size, file.Owner, file.Group, (int)file.Mode, file.Modified, file.Changed,
            time.GetUtcNow());
        var create = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = Private, BufferSize = 0 };
        using var stream = new FileStream(MetadataOf(id), create);
        JsonSerializer.Serialize(stream, known, QuarantineJson.Default.QuarantinedFile);
        stream.Flush(flushToDisk: true);
    }

    private QuarantinedFile Find(string id)
    {
        // It becomes a part of a path.
        if (id.Length == 0 || id.Any(static letter => !char.IsAsciiLetterOrDigit(letter) && letter != '-') || !IsThere(id))
        {
            throw new QuarantineException($"'{id}' is not in the quarantine ({directory}); see: kubecop quarantine list");
        }

        return Read(id);
    }

    private QuarantinedFile Read(string id)
    {
        try
        {
            using var stream = File.OpenRead(MetadataOf(id));
            return JsonSerializer.Deserialize(stream, QuarantineJson.Default.QuarantinedFile) is { } known && known.Id == id ? known : throw new JsonException("It is of another file.");
        }
        catch (Exception exception) when (exception is JsonException or FileNotFoundException)
        {
            throw new QuarantineException($"'{MetadataOf(id)}', which says where '{id}' belongs, is damaged: {exception.Message}", exception);
        }
    }

    private string MetadataOf(string id) => Path.Combine(directory, id + Extension);

    private bool IsThere(string id) => File.Exists(Path.Combine(directory, id)) && File.Exists(MetadataOf(id));
}
