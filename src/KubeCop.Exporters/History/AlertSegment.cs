using System.Globalization;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Exporters.History;

/// <summary>Where an alert is in its file.</summary>
internal readonly record struct AlertPlace(string Id, long Offset, int Length);

/// <summary>One append-only file of the history.</summary>
internal sealed class AlertSegment : IDisposable
{
    public const string Extension = ".jsonl";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly List<AlertPlace> _places = [];
    private long _length;

    private AlertSegment(string path, long number, SafeFileHandle file)
    {
        _path = path;
        Number = number;
        _file = file;
    }

    public long Number { get; }

    public int Count => _places.Count;

    public IReadOnlyList<AlertPlace> Places => _places;

    /// <summary>Damaged lines found when it was opened.</summary>
    public int Skipped { get; private set; }

    /// <exception cref="IOException">The file cannot be made or read.</exception>
    public static AlertSegment Open(string directory, long number)
    {
        // Names of one width sort in the order of their numbers.
        var path = Path.Combine(directory, number.ToString("D12", CultureInfo.InvariantCulture) + Extension);
        var file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        File.SetUnixFileMode(file, OwnerOnly);
        var segment = new AlertSegment(path, number, file);
        segment.Index();
        return segment;
    }

    /// <exception cref="IOException">Nothing of the line remains in the file.</exception>
    public void Append(string id, ReadOnlySpan<byte> line)
    {
        try
        {
            RandomAccess.Write(_file, line, _length);
        }
        catch (IOException)
        {
            RandomAccess.SetLength(_file, _length);
            throw;
        }

        _places.Add(new AlertPlace(id, _length, line.Length - 1));
        _length += line.Length;
    }

    public byte[] Read(AlertPlace place)
    {
        var line = new byte[place.Length];
        RandomAccess.Read(_file, line, place.Offset);
        return line;
    }

    public void Delete()
    {
        Dispose();
        File.Delete(_path);
    }

    public void Dispose() => _file.Dispose();

    private void Index()
    {
        var content = new byte[RandomAccess.GetLength(_file)];
        RandomAccess.Read(_file, content, 0);
        while (content.AsSpan((int)_length).IndexOf((byte)'\n') is var length and >= 0)
        {
            if (ReadId(content.AsSpan((int)_length, length)) is { } id)
            {
                _places.Add(new AlertPlace(id, _length, length));
            }
            else
            {
                Skipped++;
            }

            _length += length + 1;
        }

        if (_length < content.Length)
        {
            Skipped++;
            RandomAccess.SetLength(_file, _length);
        }
    }

    /// <returns>Null when the line is not a JSON object with an id.</returns>
    private static string? ReadId(ReadOnlySpan<byte> line)
    {
        try
        {
            string? id = null;
            var reader = new Utf8JsonReader(line);
            while (reader.Read())
            {
                if (id is null && reader.CurrentDepth == 1 && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("id"u8) && reader.Read())
                {
                    id = reader.GetString();
                }
            }

            return id;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
