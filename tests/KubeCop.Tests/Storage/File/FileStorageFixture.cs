using KubeCop.Storage.File;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace KubeCop.Tests.Storage.File;

internal static class FileStorageFixture
{
    private static readonly IActivatorProvider Activators =
        new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<IActivatorProvider>();

    private static readonly SystemTextJsonGrainStorageSerializer Serializer = new(
        Options.Create(new SystemTextJsonGrainStorageSerializerOptions()));

    public static FileGrainStorage Open(string directory)
    {
        var options = new FileGrainStorageOptions { Directory = directory, GrainStorageSerializer = Serializer };
        var storage = new FileGrainStorage("Default", options, Activators, TimeProvider.System, NullLogger<FileGrainStorage>.Instance);
        storage.Open();
        return storage;
    }
}
