namespace KubeCop.Tests.Sensor.Containers;

/// <summary>A directory that stands for a host's file system; ends with its test.</summary>
internal sealed class Scratch : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("kubecop-containers-").FullName;

    /// <summary>Writes a file, its directories included.</summary>
    public Scratch Write(string path, string content)
    {
        var file = $"{Path}/{path}";
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        return this;
    }

    public Scratch Make(string path)
    {
        Directory.CreateDirectory($"{Path}/{path}");
        return this;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
