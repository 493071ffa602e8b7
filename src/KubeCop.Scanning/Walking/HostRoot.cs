using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Walking;

/// <summary>
/// The host's file system, where this process sees it. In a pod that is a mount of the host's <c>/</c> (<c>HOST_ROOT</c>, <c>/host</c>), not
/// <c>/proc/1/root</c>: that one needs the host's pid namespace and the right to trace its first process, and shows nothing more as long as the mount
/// gets what the host mounts later (<c>mountPropagation: HostToContainer</c>). Paths in mount tables of runtimes and in settings are the host's, so
/// links in them are followed as the host would: an absolute one leads to a place below this root and never into our own file system.
/// <para>The root of another process in /proc is accepted too. It is no mount of ours, so the mount table is that process's.</para>
/// </summary>
/// <param name="path">Where the host's <c>/</c> is; <c>/</c> outside of pods.</param>
internal sealed class HostRoot(string path)
{
    private readonly byte[] _prefix = Prefix(path);
    private readonly string? _process = ProcessOf(path.TrimEnd('/'));

    /// <summary>Without a slash at its end; empty outside of pods.</summary>
    public ReadOnlySpan<byte> PathPrefix => _prefix;

    /// <summary>The host's mounts: in which table of <c>/proc</c>, and below which mount point of it, without a slash at its end.</summary>
    public (string Table, string Below) Mounts =>
        _process is null ? ("self/mountinfo", System.Text.Encoding.Latin1.GetString(_prefix)) : ($"{_process}/mountinfo", "");

    /// <returns>0, or the error's number.</returns>
    public int Open(out SafeFileHandle root) => LibC.OpenPath(_prefix.Length == 0 ? "/\0"u8 : [.. _prefix, 0], out root);

    /// <summary>A path as the host sees it, of one that this process sees; null when it is none of the host's.</summary>
    public byte[]? FromOwn(ReadOnlySpan<byte> ownPath)
    {
        if (_process is not null)
        {
            // The kernel names a file of another mount namespace as that one does.
            return ownPath.ToArray();
        }

        if (!BytePath.IsWithin(ownPath, _prefix))
        {
            return null;
        }

        return ownPath.Length == _prefix.Length ? "/"u8.ToArray() : ownPath[_prefix.Length..].ToArray();
    }

    private static string? ProcessOf(string path) =>
        path.Split('/') is ["", "proc", var id, "root"] && id.All(char.IsAsciiDigit) ? id : null;

    private static byte[] Prefix(string path) => System.Text.Encoding.UTF8.GetBytes(path.TrimEnd('/'));
}
