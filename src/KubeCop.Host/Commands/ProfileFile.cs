using KubeCop.Core.Bindings;
using KubeCop.Sensor.Containers;

namespace KubeCop.Host.Commands;

/// <summary>The file of an ApplicationProfile.</summary>
internal static class ProfileFile
{
    /// <exception cref="UsageException">It cannot be read, or is larger than a profile can be.</exception>
    public static byte[] Read(string file)
    {
        try
        {
            return HostFile.Read(File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? file, BindingLimits.Bytes)
                ?? throw new UsageException($"{file}: there is no such file.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{file} cannot be read: {exception.Message}");
        }
    }
}
