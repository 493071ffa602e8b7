using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace KubeCop.Storage.File;

public static class FileStorageSiloBuilderExtensions
{
    /// <summary>Under which it logs. Orleans logs failures of a storage, with their stacks, under the storage's type.</summary>
    private const string LogCategory = "KubeCop.Storage";

    /// <summary>Keeps the state of grains in durable files. Named apart from the <c>AddFileGrainStorage</c> that Orleans itself carries.</summary>
    /// <param name="name">Name of the storage provider, as grains refer to it; <c>Default</c> for those that name none.</param>
    public static ISiloBuilder AddKubeCopFileStorage(this ISiloBuilder builder, string name, Action<FileGrainStorageOptions> configure)
    {
        builder.Services.AddOptions<FileGrainStorageOptions>(name)
            .Configure(configure)
            .Validate(
                static options => Path.IsPathRooted(options.Directory),
                "FileGrainStorageOptions.Directory must be the absolute path of a directory, for example /var/lib/kubecop/grains.")
            .ValidateOnStart();
        builder.Services.AddTransient<
            IPostConfigureOptions<FileGrainStorageOptions>, DefaultStorageProviderSerializerOptionsConfigurator<FileGrainStorageOptions>>();
        WatchedGrainStorage.Add(builder.Services, name, static (services, name) => new FileGrainStorage(
            name,
            services.GetRequiredService<IOptionsMonitor<FileGrainStorageOptions>>().Get(name),
            services.GetRequiredService<IActivatorProvider>(),
            services.GetRequiredService<TimeProvider>(),
            services.GetRequiredService<ILoggerFactory>().CreateLogger(LogCategory)));
        return builder;
    }
}
