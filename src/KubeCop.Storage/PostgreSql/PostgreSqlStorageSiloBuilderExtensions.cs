using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using Orleans.Configuration;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using MsOptions = Microsoft.Extensions.Options.Options;

namespace KubeCop.Storage.PostgreSql;

public static class PostgreSqlStorageSiloBuilderExtensions
{
    /// <summary>Keeps the state of grains in PostgreSQL, and makes the tables it needs.</summary>
    /// <param name="name">Name of the storage provider, as grains refer to it; <c>Default</c> for those that name none.</param>
    /// <exception cref="OptionsValidationException">The options are wrong.</exception>
    public static ISiloBuilder AddKubeCopPostgreSqlStorage(this ISiloBuilder builder, string name, PostgreSqlOptions options)
    {
        if (options.FindMistake() is { } mistake)
        {
            throw new OptionsValidationException(name, typeof(PostgreSqlOptions), [mistake]);
        }

        var store = PostgreSqlClient.Describe(options);
        builder.Services.AddKeyedSingleton(name, (_, _) => NpgsqlDataSource.Create(options.ConnectionString));
        WatchedGrainStorage.Add(builder.Services, name, (services, key) => new ExplainedGrainStorage(
            store,
            async cancellationToken =>
            {
                var database = services.GetRequiredKeyedService<NpgsqlDataSource>(key);
                await PostgreSqlClient.PrepareAsync(database, store, cancellationToken);
                return new AdoNetGrainStorage(
                    services.GetRequiredService<IActivatorProvider>(),
                    services.GetRequiredService<ILogger<AdoNetGrainStorage>>(),
                    MsOptions.Create(new AdoNetGrainStorageOptions
                    {
                        Invariant = "Npgsql",
                        DataSource = database,
                        DeleteStateOnClear = true,
                        GrainStorageSerializer = services.GetRequiredService<IGrainStorageSerializer>(),
                    }),
                    services.GetRequiredService<IOptions<ClusterOptions>>(),
                    key);
            },
            PostgreSqlClient.Explain,
            services,
            services.GetRequiredService<ILoggerFactory>().CreateLogger("KubeCop.Storage"),

            // The provider leaves out the grain's type, and takes keys that look like a GUID or a number for one, whatever their letters' case.
            static grain => GrainId.Create(grain.Type, $"{grain.Type}/{grain.Key}")));
        return builder;
    }
}
