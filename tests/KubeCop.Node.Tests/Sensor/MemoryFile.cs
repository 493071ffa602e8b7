using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Node.Tests.Sensor;

/// <summary>A copy of a file that exists in memory only.</summary>
internal sealed partial class MemoryFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    private MemoryFile(SafeFileHandle handle) => _handle = handle;

    /// <summary>Where other processes can execute it.</summary>
    public string Path => $"/proc/{Environment.ProcessId}/fd/{_handle.DangerousGetHandle()}";

    public static MemoryFile Of(string source)
    {
        var handle = new SafeFileHandle(Create("kubecop-test", 0), ownsHandle: true);
        RandomAccess.Write(handle, File.ReadAllBytes(source), 0);
        return new MemoryFile(handle);
    }

    public void Dispose() => _handle.Dispose();

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial nint Create(string name, uint flags);
}
