using System.Runtime.CompilerServices;
using KubeCop.Grains;
using KubeCop.Storage.AzureBlob;
using KubeCop.Storage.File;
using KubeCop.Storage.PostgreSql;
using KubeCop.Storage.Redis;

namespace KubeCop.Host.Configuration;

internal enum StorageProvider
{
    /// <summary>Files of this node's data directory: for a silo that runs alone.</summary>
    File,

    /// <summary>Blobs of Azure Storage or Azurite.</summary>
    AzureBlob,

    /// <summary>A Redis.</summary>
    Redis,

    /// <summary>A PostgreSQL database.</summary>
    PostgreSql,
}

/// <summary>Where learned profiles are kept. Section <c>KubeCop:Storage</c>.</summary>
internal sealed class StorageOptions
{
    public const string Section = "KubeCop:Storage";
    public const string AzureBlobSection = "KubeCop:Storage:AzureBlob";
    public const string RedisSection = "KubeCop:Storage:Redis";
    public const string PostgreSqlSection = "KubeCop:Storage:PostgreSql";

    /// <summary><c>file</c>, <c>azureblob</c>, <c>redis</c> or <c>postgresql</c>. Default: file.</summary>
    public StorageProvider Provider { get; set; } = StorageProvider.File;

    public AzureBlobOptions AzureBlob { get; set; } = new();

    public RedisOptions Redis { get; set; } = new();

    public PostgreSqlOptions PostgreSql { get; set; } = new();

    /// <summary>What is wrong, by the option's full name; null when nothing is. Only what the provider uses is looked at.</summary>
    public string? FindMistake() => Provider switch
    {
        StorageProvider.AzureBlob => Named(AzureBlobSection, AzureBlob.FindMistake()),
        StorageProvider.Redis => Named(RedisSection, Redis.FindMistake()),
        StorageProvider.PostgreSql => Named(PostgreSqlSection, PostgreSql.FindMistake()),
        _ => null,
    };

    /// <summary>Gives a silo its grain storage.</summary>
    /// <param name="directory">Of the state files, if there are any.</param>
    public void AddTo(ISiloBuilder silo, string directory)
    {
        switch (Provider)
        {
            case StorageProvider.AzureBlob:
                AddAzureBlob(silo);
                break;
            case StorageProvider.Redis:
                AddRedis(silo);
                break;
            case StorageProvider.PostgreSql:
                AddPostgreSql(silo);
                break;
            default:
                silo.AddKubeCopFileStorage(GrainStorage.Name, options => options.Directory = directory);
                break;
        }
    }

    // Each in a method of its own, so that the clients of the others are not even loaded.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddAzureBlob(ISiloBuilder silo) => silo.AddKubeCopAzureBlobStorage(GrainStorage.Name, AzureBlob);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddRedis(ISiloBuilder silo) => silo.AddKubeCopRedisStorage(GrainStorage.Name, Redis);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void AddPostgreSql(ISiloBuilder silo) => silo.AddKubeCopPostgreSqlStorage(GrainStorage.Name, PostgreSql);

    private static string? Named(string section, string? mistake) => mistake is null ? null : $"{section}:{mistake}";
}
