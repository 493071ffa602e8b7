using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace KubeCop.Storage.AzureBlob;

public static class AzureBlobStorageSiloBuilderExtensions
{
    /// <summary>Under which it logs. Orleans logs failures of a storage, with their stacks, under the storage's type.</summary>
    private const string LogCategory = "KubeCop.Storage";

    /// <summary>Keeps the state of grains in blobs of Azure Storage or Azurite.</summary>
    /// <param name="name">Name of the storage provider, as grains refer to it; <c>Default</c> for those that name none.</param>
    /// <exception cref="OptionsValidationException">The options are wrong.</exception>
    public static ISiloBuilder AddKubeCopAzureBlobStorage(this ISiloBuilder builder, string name, AzureBlobOptions options)
    {
        if (options.FindMistake() is { } mistake)
        {
            throw new OptionsValidationException(name, typeof(AzureBlobOptions), [mistake]);
        }

        WatchedGrainStorage.Add(builder.Services, name, (services, key) => new AzureBlobGrainStorage(
            key,
            options,
            services.GetRequiredService<IGrainStorageSerializer>(),
            services.GetRequiredService<IActivatorProvider>(),
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILoggerFactory>().CreateLogger(LogCategory)));
        return builder;
    }
}
