using Azure;
using Azure.Identity;
using Azure.Storage.Blobs.Models;

namespace KubeCop.Storage.AzureBlob;

/// <summary>
/// Says in words what a refusal of Azure Storage means and what to do about it. Of what the service says only status, error code and request id
/// are repeated: its explanations quote signatures and addresses.
/// </summary>
internal static class AzureErrors
{
    /// <summary>Whether the service or the way to it is to blame, and not the program.</summary>
    public static bool IsServiceError(Exception error) =>
        error is RequestFailedException or AuthenticationFailedException or IOException or TimeoutException
        || error is AggregateException { InnerExceptions.Count: > 0 } many && many.InnerExceptions.All(IsServiceError)
        || error is OperationCanceledException;

    /// <returns>Why, as the end of a sentence; the remedy as a sentence of its own; whether it may pass without anybody doing anything.</returns>
    public static (string Reason, string Remedy, bool Passing) Explain(Exception error, string account, string container) => Last(error) switch
    {
        RequestFailedException { Status: 0 } failure => (
            $"it cannot be reached ({Network(failure)})", $"Check that {account} is right and can be reached from this machine; kubecop goes on trying.", true),
        RequestFailedException failure => Explain(failure, account, container),
        AuthenticationFailedException => (
            "no managed identity gives a token for it",
            "Give this machine or pod an identity (KubeCop:Storage:AzureBlob:ClientId chooses one of several), or set a ConnectionString instead.",
            false),
        OperationCanceledException or TimeoutException => (
            "it did not answer in time", $"Check that {account} can be reached from this machine; for slow links raise AttemptTimeout and Timeout. kubecop goes on trying.", true),
        var other => ($"it cannot be reached ({other.Message.TrimEnd('.')})", $"Check that {account} can be reached from this machine; kubecop goes on trying.", true),
    };

    public static bool IsMissingBlob(RequestFailedException error) => error.Status == 404 && error.ErrorCode != BlobErrorCode.ContainerNotFound;

    public static bool IsMissingContainer(RequestFailedException error) => error.Status == 404 && error.ErrorCode == BlobErrorCode.ContainerNotFound;

    /// <summary>Whether somebody else wrote first: 412 when the ETag is another, 409 when there is a blob where none was expected.</summary>
    public static bool IsConflict(RequestFailedException error) =>
        (error.Status == 412 && error.ErrorCode != BlobErrorCode.LeaseIdMissing) || (error.Status == 409 && error.ErrorCode == BlobErrorCode.BlobAlreadyExists);

    // The client wraps what each of its tries met; the last one is what stands now.
    private static Exception Last(Exception error) => error is AggregateException many ? Last(many.InnerExceptions[^1]) : error;

    private static string Network(RequestFailedException failure) => (failure.GetBaseException() is var cause && cause != failure ? cause.Message : failure.Message).TrimEnd('.');

    private static (string Reason, string Remedy, bool Passing) Explain(RequestFailedException failure, string account, string container)
    {
        var code = failure.ErrorCode ?? "no code";
        var answer = $"{failure.Status} {code}{(RequestId(failure) is { } request ? $", request {request}" : "")}";
        return failure.Status switch
        {
            404 when IsMissingContainer(failure) => (
                $"there is no container '{container}' ({answer})",
                "Restore the container if it was deleted by mistake; make an empty one of that name, or restart kubecop, to start all its states anew.",
                false),
            409 when code == BlobErrorCode.ContainerBeingDeleted => (
                $"the container '{container}' is being deleted ({answer})", "Wait half a minute, or choose another KubeCop:Storage:AzureBlob:Container.", true),
            412 => ($"somebody else holds a lease on it ({answer})", "Break the lease.", false),
            401 or 403 when code == BlobErrorCode.AuthenticationFailed => (
                $"the key, signature or identity is not accepted ({answer})",
                "Check the account's key or the shared access signature (is it of this account, has it expired or been renewed?), and that this machine's clock is right.",
                false),
            401 or 403 => (
                $"access is denied ({answer})",
                $"Check the key or signature, allow reading, writing, deleting and listing blobs of the container '{container}' (role Storage Blob Data Contributor, or a "
                + "signature with racwdl), and let this machine through the account's firewall.",
                false),
            429 or 500 or 503 => ($"the service is busy ({answer})", "Look at the account's limits and state if this lasts; kubecop goes on trying.", true),
            400 when code is "InvalidHeaderValue" => (
                $"the service does not know this version of the protocol ({answer})", "Start Azurite with --skipApiVersionCheck, or take a newer one.", false),
            400 or 404 => ($"the address is not a blob service ({answer})", $"Check that {account} is the account's blob endpoint.", false),
            413 => ($"it is too large for one blob ({answer})", "Lower KubeCop:Learning:MaxEntriesPerKind.", false),
            >= 502 => ($"something between here and the service fails ({answer})", "Look at the proxies between, and at the service; kubecop goes on trying.", true),
            _ => ($"the service refuses it ({answer})", $"Look for {code} in the documentation of Azure Storage.", false),
        };
    }

    private static string? RequestId(RequestFailedException failure) =>
        failure.GetRawResponse() is { } response && response.Headers.TryGetValue("x-ms-request-id", out var id) ? id : null;
}
