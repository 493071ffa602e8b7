namespace KubeCop.Core.Rules.Matching;

/// <summary>Reads what <see cref="Events.ExecDetails.Streams"/> says of one stream. Allocates nothing but what it returns.</summary>
internal static class StandardStream
{
    public const string Terminal = "terminal";

    private const string Socket = "socket ";

    /// <summary>The peer of a connection, as <c>ADDRESS:PORT</c>; null of everything else, a socket that only listens among it.</summary>
    public static string? PeerOf(string stream) =>
        IsConnection(stream) ? stream[Socket.Length..] : null;

    /// <summary>Whether it leads to a peer.</summary>
    public static bool IsConnection(string stream) =>
        stream.StartsWith(Socket, StringComparison.Ordinal) && !stream.EndsWith(":0", StringComparison.Ordinal);

    /// <summary>Whether what has the same name is the same: a pipe, named or not, or the end of a socket pair.</summary>
    public static bool HasIdentity(string stream) => IsNamedPipe(stream) || IsUnnamed(stream);

    /// <summary>A pipe, or the end of a socket pair, that nobody can open who was not given it.</summary>
    public static bool IsUnnamed(string stream) =>
        stream.StartsWith("pipe:[", StringComparison.Ordinal) || stream.StartsWith("socket:[", StringComparison.Ordinal);

    public static bool IsNamedPipe(string stream) => stream.StartsWith("fifo:[", StringComparison.Ordinal);
}
