namespace KubeCop.Host;

/// <summary>What the process's exit code means to scripts.</summary>
internal static class ExitCode
{
    public const int Success = 0;

    /// <summary>It could not do its work: detection is impossible here, or a request was refused.</summary>
    public const int Failure = 1;

    /// <summary>Wrong usage or a bad option.</summary>
    public const int Usage = 2;

    /// <summary>The verb needs a running silo and there is none.</summary>
    public const int NoSilo = 3;

    /// <summary>A scan found malware.</summary>
    public const int Malware = 4;
}
