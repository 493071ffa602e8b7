using System.Net;
using System.Net.NetworkInformation;
using KubeCop.Host.Node;

namespace KubeCop.Host.Client;

/// <summary>Where the running silo is.</summary>
/// <param name="Uri">The base of its endpoints.</param>
/// <param name="Source">Who said so, for messages.</param>
/// <param name="DataDirectory">Where its token and its certificate are.</param>
/// <param name="IsSchemeKnown">Whether it is certain that it speaks HTTP, or HTTPS, as <paramref name="Uri"/> has it; else that is to be found out.</param>
internal sealed record NodeAddress(Uri Uri, string Source, string DataDirectory, bool IsSchemeKnown = true)
{
    /// <summary>The variable that names the silo when <c>--http</c> does not.</summary>
    public const string Variable = "KUBECOP_HTTP";

    /// <summary>The variable with the token to use instead of that of the data directory, as one of Kubernetes for a silo on another machine.</summary>
    public const string TokenVariable = "KUBECOP_TOKEN";

    private static string? GivenToken => Environment.GetEnvironmentVariable(TokenVariable) is { Length: > 0 } token ? token.Trim() : null;

    private bool IsOnThisMachine =>
        Uri.IsLoopback
        || (IPAddress.TryParse(Uri.IdnHost, out var address)
            && NetworkInterface.GetAllNetworkInterfaces().SelectMany(static network => network.GetIPProperties().UnicastAddresses).Any(own => own.Address.Equals(address)));

    /// <summary>The option, else <see cref="Variable"/>, else what the silo wrote into the data directory.</summary>
    /// <exception cref="UsageException">The address is none.</exception>
    /// <exception cref="NoSiloException">Nothing tells where a silo is.</exception>
    public static NodeAddress Find(string? option, string dataDirectory)
    {
        if (option is { Length: > 0 })
        {
            return Named(option, "--http", dataDirectory);
        }

        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } variable)
        {
            return Named(variable, Variable, dataDirectory);
        }

        var file = NodeFiles.AddressFile(dataDirectory);
        try
        {
            return new NodeAddress(Parse(File.ReadAllText(file).Trim()), file, dataDirectory);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            var reason = exception is FileNotFoundException or DirectoryNotFoundException ? "none has written its address there." : exception.Message;
            throw new NoSiloException(
                $"No running silo found with the data directory {dataDirectory}: {reason} If it has another one, give that with --data-dir DIR, or its address with "
                + $"--http ADDRESS:PORT or {Variable}. If none runs, start one with '{ProgramName.Value} run'.",
                exception);
        }
    }

    /// <summary>Where the certificate is that it shows when it speaks HTTPS.</summary>
    public string CertificateFile => NodeFiles.HttpCertificateFile(DataDirectory);

    /// <summary>
    /// The token to read with. That of the data directory is shown neither to other machines, whose it is not, nor over loopback, where reading
    /// needs none and anybody may listen once the silo has ended.
    /// </summary>
    /// <returns>Null when there is none.</returns>
    public string? FindToken()
    {
        try
        {
            return GivenToken ?? (IsOnThisMachine && !Uri.IsLoopback ? File.ReadAllText(NodeFiles.TokenFile(DataDirectory)).Trim() : null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Reading may be open to everybody.
            return null;
        }
    }

    /// <summary>The token to change something with, or to see what was learned. That of the data directory is not shown to other machines.</summary>
    /// <exception cref="UsageException">There is none for that silo, or it cannot be read.</exception>
    public string ReadToken()
    {
        if (GivenToken is { } given)
        {
            return given;
        }

        if (!IsOnThisMachine)
        {
            throw new UsageException($"{Uri.Authority} ({Source}) is not on this machine, so the token of {DataDirectory} is not its own; set {TokenVariable} to one that is.");
        }

        try
        {
            return File.ReadAllText(NodeFiles.TokenFile(DataDirectory)).Trim();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"This needs the silo's token: {exception.Message} Run this as the silo's user, with the silo's --data-dir, or set {TokenVariable}.");
        }
    }

    /// <summary>An address that somebody gave. Without a scheme it is that of this very address in the data directory, if a silo has written one there.</summary>
    private static NodeAddress Named(string text, string source, string dataDirectory)
    {
        var uri = Parse(text);
        if (HasScheme(text))
        {
            return new NodeAddress(uri, source, dataDirectory);
        }

        try
        {
            var written = Parse(File.ReadAllText(NodeFiles.AddressFile(dataDirectory)).Trim());
            return (written.Host, written.Port) == (uri.Host, uri.Port)
                ? new NodeAddress(written, source, dataDirectory)
                : new NodeAddress(uri, source, dataDirectory, IsSchemeKnown: false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or UsageException)
        {
            return new NodeAddress(uri, source, dataDirectory, IsSchemeKnown: false);
        }
    }

    private static bool HasScheme(string text) => text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || text.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    private static Uri Parse(string text)
    {
        if (HasScheme(text))
        {
            return Uri.TryCreate(text.TrimEnd('/') + "/", UriKind.Absolute, out var uri) ? uri : throw new UsageException($"--http '{text}' is not a URL.");
        }

        // A service's name is welcome here, unlike in the address to listen on.
        return Uri.TryCreate($"http://{text}/", UriKind.Absolute, out var named) && text.Contains(':', StringComparison.Ordinal) && named.Port > 0
            ? named
            : throw new UsageException($"--http '{text}' is not where a silo can be; expected ADDRESS:PORT, http://ADDRESS:PORT or https://ADDRESS:PORT.");
    }
}
