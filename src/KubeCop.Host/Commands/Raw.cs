using KubeCop.Host.Client;

namespace KubeCop.Host.Commands;

/// <summary>Hands an answer of the API to standard output as it is.</summary>
internal static class Raw
{
    public static async Task WriteAsync(NodeClient node, string path, CancellationToken cancellationToken, bool isGuarded = false)
    {
        await using var output = Console.OpenStandardOutput();
        await output.WriteAsync(await node.GetBytesAsync(path, cancellationToken, isGuarded), cancellationToken);
        await output.WriteAsync("\n"u8.ToArray(), cancellationToken);
    }
}
