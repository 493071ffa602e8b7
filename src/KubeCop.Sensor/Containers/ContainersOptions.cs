namespace KubeCop.Sensor.Containers;

/// <summary>How containers are described. Section <c>KubeCop:Containers</c>.</summary>
public sealed class ContainersOptions
{
    public const string Section = "KubeCop:Containers";

    /// <summary>
    /// Sockets of container runtimes (CRI, docker's or podman's API), as paths on the host, <c>unix://</c> before them or not. One that does
    /// not answer is warned of and listed. Default: empty, which means those that are there of the usual places, without a warning for the others.
    /// </summary>
    public IList<string> RuntimeSockets { get; } = [];

    /// <summary>How long a runtime may take to describe a container, whose events wait meanwhile; 0.1 to 5 s. Default: 2 s.</summary>
    public TimeSpan RuntimeTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>Whether <see cref="RuntimeTimeout"/> is within its limits.</summary>
    public bool HasTimeout => RuntimeTimeout.TotalSeconds is >= 0.1 and <= 5;

    /// <summary>Whether the text can be one of <see cref="RuntimeSockets"/>.</summary>
    public static bool IsSocket(string socket) => PathOf(socket) is not null;

    /// <returns>The path of a socket as it is set; null when it is none.</returns>
    internal static string? PathOf(string socket)
    {
        var path = socket.StartsWith("unix://", StringComparison.Ordinal) ? socket["unix://".Length..] : socket;
        return path.Length > 1 && path.StartsWith('/') && !path.Contains('\0') ? path : null;
    }
}
