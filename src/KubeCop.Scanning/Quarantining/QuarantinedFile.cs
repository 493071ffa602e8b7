using System.Text.Json.Serialization;

namespace KubeCop.Scanning.Quarantining;

/// <summary>What is known of a file in the quarantine; kept beside it as JSON.</summary>
/// <param name="Path">Where it was on the host, for people; bytes that are no UTF-8 as <c>\xff</c>.</param>
/// <param name="RawPath">The same as bytes of no encoding.</param>
/// <param name="Mode">Permissions that it had, with the bits for set-user-id and the like.</param>
/// <param name="Sha256">Empty when it could not be read.</param>
public sealed record QuarantinedFile(
    string Id,
    string Path,
    byte[] RawPath,
    string Node,
    string Signature,
    string Sha256,
    long Size,
    uint Owner,
    uint Group,
    int Mode,
    DateTimeOffset Modified,
    DateTimeOffset Changed,
    DateTimeOffset MovedAt);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(QuarantinedFile))]
internal sealed partial class QuarantineJson : JsonSerializerContext;

/// <summary>Why a file was not moved aside.</summary>
public enum QuarantineRefusal
{
    /// <summary>Moved.</summary>
    None,

    /// <summary>It does not lie below an allowed path, or only a container reaches it. That is no failure, and not told.</summary>
    NotAllowed,

    /// <summary>It is of a container's layer.</summary>
    ContainerLayer,

    /// <summary>The quarantine has no place for it.</summary>
    Full,

    /// <summary>Something else is under its name by now.</summary>
    Changed,

    /// <summary>The system refused it.</summary>
    Failed,
}

/// <summary>Something cannot be done with the quarantine; the message says what, and what to do.</summary>
public sealed class QuarantineException : Exception
{
    public QuarantineException()
    {
    }

    public QuarantineException(string message)
        : base(message)
    {
    }

    public QuarantineException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
