using System.Text.Json;

namespace KubeCop.Scanning.Scans;

/// <summary>
/// What was found and told, so that it is told once: by the fingerprints of alerts, which are the same for the same content in the same path of the
/// same workload's container. Bounded: the finding seen longest ago is forgotten, and is told again should it still be there. Any thread may use it.
/// </summary>
/// <param name="limit">The most findings that are remembered; at least 1.</param>
internal sealed class FindingBook(int limit = FindingBook.DefaultLimit)
{
    public const int DefaultLimit = 10_000;

    private readonly Lock _lock = new();
    private Dictionary<string, DateTimeOffset> _seen = new(StringComparer.Ordinal);

    /// <summary>Findings that are there, as far as scans tell.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _seen.Count;
            }
        }
    }

    /// <summary>Whether it was told.</summary>
    public bool Contains(string fingerprint)
    {
        lock (_lock)
        {
            return _seen.ContainsKey(fingerprint);
        }
    }

    /// <summary>It is there at this time.</summary>
    /// <returns>Whether it is to be told.</returns>
    public bool Add(string fingerprint, DateTimeOffset now)
    {
        lock (_lock)
        {
            var isNew = !_seen.ContainsKey(fingerprint);
            if (isNew && _seen.Count >= limit)
            {
                _seen.Remove(_seen.MinBy(static entry => entry.Value).Key);
            }

            _seen[fingerprint] = now;
            return isNew;
        }
    }

    /// <summary>A scan of everything has ended that began then: what it did not meet is gone, and is told again should it come back.</summary>
    /// <returns>How many are gone.</returns>
    public int Resolve(DateTimeOffset began)
    {
        lock (_lock)
        {
            var gone = _seen.Where(entry => entry.Value < began).Select(static entry => entry.Key).ToList();
            gone.ForEach(fingerprint => _seen.Remove(fingerprint));
            return gone.Count;
        }
    }

    /// <summary>Writes all to a file, in place of what it held.</summary>
    /// <exception cref="IOException">It cannot be written; the old one is still there.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void Save(string path)
    {
        byte[] content;
        lock (_lock)
        {
            content = JsonSerializer.SerializeToUtf8Bytes(_seen);
        }

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
    }

    /// <summary>Takes what <see cref="Save"/> wrote, in place of what is known.</summary>
    /// <returns>Why nothing was taken, as a sentence; null when it was, and when there is no such file.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public string? Load(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            var seen = JsonSerializer.Deserialize<Dictionary<string, DateTimeOffset>>(file) ?? [];
            lock (_lock)
            {
                _seen = new Dictionary<string, DateTimeOffset>(seen.OrderByDescending(static entry => entry.Value).Take(limit), StringComparer.Ordinal);
            }

            return null;
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException exception)
        {
            return $"'{path}' is damaged, so what was found before is told again: {exception.Message}";
        }
    }
}
