using Azure.Core;
using Azure.Identity;
using Azure.Storage.Blobs;

namespace KubeCop.Storage.AzureBlob;

/// <summary>Makes Azure's client of the options. Apart from them, so that who only reads options does not load it.</summary>
internal static class AzureBlobClient
{
    // What every endpoint that is in use speaks: older Azurites and Azure Stack refuse the client's newest.
    private const BlobClientOptions.ServiceVersion Version = BlobClientOptions.ServiceVersion.V2024_11_04;

    public static bool CanParse(string connectionString)
    {
        try
        {
            _ = new BlobServiceClient(connectionString);
            return true;
        }
        catch (Exception error) when (error is FormatException or ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    public static BlobContainerClient Create(AzureBlobOptions options)
    {
        var client = new BlobClientOptions(Version)
        {
            Retry =
            {
                Mode = RetryMode.Exponential,
                MaxRetries = options.MaxRetries,
                Delay = options.RetryDelay,
                MaxDelay = TimeSpan.FromSeconds(5),
                NetworkTimeout = options.AttemptTimeout,
            },
            Diagnostics = { IsLoggingEnabled = false, IsTelemetryEnabled = false },
        };
        return Service(options, client).GetBlobContainerClient(options.Container);
    }

    private static BlobServiceClient Service(AzureBlobOptions options, BlobClientOptions client)
    {
        if (options.ConnectionString.Length > 0)
        {
            return new BlobServiceClient(options.ConnectionString, client);
        }

        var uri = new Uri(options.ServiceUri);
        if (options.HasSignature)
        {
            return new BlobServiceClient(uri, client);
        }

        var identity = new DefaultAzureCredentialOptions();
        if (options.ClientId.Length > 0)
        {
            identity.ManagedIdentityClientId = options.ClientId;
            identity.WorkloadIdentityClientId = options.ClientId;
        }

        return new BlobServiceClient(uri, new DefaultAzureCredential(identity), client);
    }
}
