using KubeCop.Testing.Storage;
using Orleans.Storage;

namespace KubeCop.Tests.Storage.File;

public sealed class FileGrainStorageConformanceTests : GrainStorageConformance, IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    protected override ValueTask<IGrainStorage> OpenAsync() => ValueTask.FromResult<IGrainStorage>(FileStorageFixture.Open(_directory.Path));
}
