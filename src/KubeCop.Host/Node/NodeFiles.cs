namespace KubeCop.Host.Node;

/// <summary>The files of the data directory that the host itself keeps.</summary>
internal static class NodeFiles
{
    /// <summary>Where the endpoints listen; there while a silo runs.</summary>
    public static string AddressFile(string dataDirectory) => Path.Combine(dataDirectory, "http-address");

    /// <summary>The certificate of the endpoints, when they speak HTTPS.</summary>
    public static string HttpCertificateFile(string dataDirectory) => Path.Combine(dataDirectory, "http-certificate");

    /// <summary>What proves to the endpoints that somebody may change things; mode 0600.</summary>
    public static string TokenFile(string dataDirectory) => Path.Combine(dataDirectory, "token");

    /// <summary>The state of grains, when that is kept in files.</summary>
    public static string GrainDirectory(string dataDirectory) => Path.Combine(dataDirectory, "grains");

    /// <summary>Copies of the profiles that guard this node's containers.</summary>
    public static string ProfileDirectory(string dataDirectory) => Path.Combine(dataDirectory, "profiles");

    public static string AlertDirectory(string dataDirectory) => Path.Combine(dataDirectory, "alerts");

    /// <summary>Alerts that wait for receivers that are away.</summary>
    public static string OutboxDirectory(string dataDirectory) => Path.Combine(dataDirectory, "outbox");

    /// <summary>What malware scans know.</summary>
    public static string MalwareDirectory(string dataDirectory) => Path.Combine(dataDirectory, "malware");

    /// <summary>Files with malware that were moved aside.</summary>
    public static string QuarantineDirectory(string dataDirectory) => Path.Combine(dataDirectory, "quarantine");

    /// <summary>Writes a file whole or not at all, for the owner only.</summary>
    public static void WritePrivate(string path, string content)
    {
        var temporary = path + ".new";
        File.Delete(temporary);
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using (var writer = new StreamWriter(temporary, options))
        {
            writer.Write(content);
        }

        File.Move(temporary, path, overwrite: true);
    }
}
