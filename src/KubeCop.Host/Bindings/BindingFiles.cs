using System.Buffers;
using System.Globalization;
using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Text;
using KubeCop.Core.Bindings;
using KubeCop.Sensor.Containers;

namespace KubeCop.Host.Bindings;

/// <summary>
/// Bindings in a YAML file, or in the YAML files of a directory. What is there is compared by its content five times a second: that sees
/// every way of changing a file (written in place, renamed over, deleted and made anew, a ConfigMap's links exchanged), where inotify
/// watches an inode that may be the wrong one by then. A change counts once it has stayed the same from one look to the next.
/// </summary>
/// <param name="path">Absolute. Links are followed.</param>
internal sealed class BindingFiles(string path, TimeProvider time) : IBindingSource
{
    /// <summary>Two of them, and what it takes to tell the containers, are the second in which a change takes effect.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(200);

    private const string NoSuchFile = "there is no such file";

    private static readonly string[] Extensions = [".yaml", ".yml", ".json"];

    public string Name { get; } = path;

    /// <summary>What is there now.</summary>
    public BindingInput Read() => Look(read: true).ToInput();

    public async IAsyncEnumerable<BindingInput> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var changes = new Changes(this);
        yield return changes.First;
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            if (changes.Next() is { } input)
            {
                yield return input;
            }
        }
    }

    /// <param name="read">Whether to keep what the files hold, rather than only compare it.</param>
    private Snapshot Look(bool read)
    {
        var snapshot = new Snapshot(read);
        try
        {
            if (Directory.Exists(Name))
            {
                LookAtDirectory(snapshot);
            }
            else
            {
                snapshot.Add(Name, Name);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            snapshot.Refuse(Name, $"it cannot be read: {exception.Message}");
        }

        return snapshot;
    }

    private void LookAtDirectory(Snapshot snapshot)
    {
        // Names that begin with a dot are of editors and, in a mounted ConfigMap, of the kubelet.
        var files = Directory.EnumerateFileSystemEntries(Name)
            .Where(static file => Extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase) && !Path.GetFileName(file.AsSpan()).StartsWith('.'))
            .Where(static file => !Directory.Exists(file))
            .Take(BindingLimits.Files + 1)
            .Order(StringComparer.Ordinal)
            .ToList();
        if (files.Count is 0 or > BindingLimits.Files)
        {
            snapshot.Refuse(Name, files.Count == 0
                ? $"there is no file in it that ends with {string.Join(", ", Extensions)}"
                : string.Create(CultureInfo.InvariantCulture, $"there are more than {BindingLimits.Files} files in it"));
            return;
        }

        foreach (var file in files)
        {
            snapshot.Add(file, file);
        }
    }

    /// <summary>What changes, seen by looking from time to time.</summary>
    internal sealed class Changes
    {
        private readonly BindingFiles _files;
        private UInt128 _taken;
        private UInt128 _seen;

        public Changes(BindingFiles files)
        {
            _files = files;
            var first = files.Look(read: true);
            (First, _taken, _seen) = (first.ToInput(), first.Revision, first.Revision);
        }

        /// <summary>What was there at the start, as it was.</summary>
        public BindingInput First { get; }

        /// <returns>Null when there is nothing new, or it may still be being written.</returns>
        public BindingInput? Next()
        {
            var (now, before) = (_files.Look(read: false).Revision, _seen);
            _seen = now;
            if (now == _taken || now != before)
            {
                return null;
            }

            var content = _files.Look(read: true);
            _seen = content.Revision;
            if (content.Revision != now)
            {
                return null;
            }

            _taken = now;
            return content.ToInput();
        }
    }

    /// <summary>The files at one time. Two that have the same revision hold the same.</summary>
    private sealed class Snapshot(bool read)
    {
        private readonly XxHash128 _hash = new();
        private readonly List<(string Source, byte[] Content)> _files = [];
        private readonly List<BindingError> _errors = [];
        private long _size;

        public UInt128 Revision => _hash.GetCurrentHashAsUInt128();

        public void Add(string source, string path)
        {
            Append(source);
            try
            {
                using var content = read ? new MemoryStream() : null;
                if (Copy(path, content))
                {
                    _files.Add((source, content?.ToArray() ?? []));
                }
                else
                {
                    Refuse(source, string.Create(CultureInfo.InvariantCulture, $"all files together are larger than {BindingLimits.Bytes} bytes"));
                }
            }
            catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
            {
                Refuse(source, NoSuchFile);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                Refuse(source, $"it cannot be read: {exception.Message}");
            }
        }

        public void Refuse(string source, string message)
        {
            Append(message);
            _errors.Add(new BindingError(source, 0, "", "", message));
        }

        public BindingInput ToInput()
        {
            var documents = new YamlDocuments();
            foreach (var (source, content) in _errors.Count == 0 ? _files : [])
            {
                documents.Add(source, content);
            }

            return new BindingInput(Revision.ToString("x32", CultureInfo.InvariantCulture), documents.Documents, [.. _errors, .. documents.Errors]);
        }

        /// <returns>False when that is too much.</returns>
        private bool Copy(string path, MemoryStream? content)
        {
            using var file = HostFile.OpenNamed(path) ?? throw new FileNotFoundException();
            var buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
            try
            {
                for (long offset = 0; RandomAccess.Read(file, buffer, offset) is var length and > 0; offset += length)
                {
                    _size += length;
                    if (_size > BindingLimits.Bytes)
                    {
                        return false;
                    }

                    _hash.Append(buffer.AsSpan(0, length));
                    content?.Write(buffer, 0, length);
                }

                return true;
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        // With its end, so that no two lists of files are the same bytes.
        private void Append(string text) => _hash.Append(Encoding.UTF8.GetBytes(text + '\0'));
    }
}
