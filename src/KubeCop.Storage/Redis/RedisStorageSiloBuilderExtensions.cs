using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Persistence;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace KubeCop.Storage.Redis;

public static class RedisStorageSiloBuilderExtensions
{
    /// <summary>Keeps the state of grains in Redis.</summary>
    /// <param name="name">Name of the storage provider, as grains refer to it; <c>Default</c> for those that name none.</param>
    /// <exception cref="OptionsValidationException">The options are wrong.</exception>
    public static ISiloBuilder AddKubeCopRedisStorage(this ISiloBuilder builder, string name, RedisOptions options)
    {
        if (options.FindMistake() is { } mistake)
        {
            throw new OptionsValidationException(name, typeof(RedisOptions), [mistake]);
        }

        WatchedGrainStorage.Add(builder.Services, name, (services, key) => new ExplainedGrainStorage(
            RedisClient.Describe(options),
            _ => Task.FromResult<IGrainStorage>(new RedisGrainStorage(
                key,
                new RedisStorageOptions { ConfigurationOptions = RedisClient.Configure(options), DeleteStateOnClear = true },
                services.GetRequiredService<IGrainStorageSerializer>(),
                services.GetRequiredService<IOptions<ClusterOptions>>(),
                services.GetRequiredService<IActivatorProvider>(),
                services.GetRequiredService<ILogger<RedisGrainStorage>>())),
            RedisClient.Explain,
            services,
            services.GetRequiredService<ILoggerFactory>().CreateLogger("KubeCop.Storage")));
        return builder;
    }
}
