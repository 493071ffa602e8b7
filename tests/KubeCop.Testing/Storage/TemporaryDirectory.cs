namespace KubeCop.Testing.Storage;

/// <summary>A directory of the test's own, gone when disposed.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("kubecop-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
