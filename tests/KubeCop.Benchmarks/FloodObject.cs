using System.Runtime.InteropServices;
using KubeCop.Sensor.Bpf;

namespace KubeCop.Benchmarks;

/// <summary>The benchmarks' own BPF programs, loaded beside the sensor's; see Native/flood.bpf.c.</summary>
internal sealed unsafe partial class FloodObject : IDisposable
{
    private const string Library = "libbpf.so.1";

    private readonly nint _object;
    private nint _link;

    /// <param name="path">The compiled object.</param>
    /// <param name="bulkRing">Descriptor of the ring to write to.</param>
    public FloodObject(string path, int bulkRing)
    {
        var bytes = File.ReadAllBytes(path);
        LibBpfLog.Begin();
        fixed (byte* start = bytes)
        {
            _object = LibBpf.OpenObject(start, (nuint)bytes.Length, 0);
        }

        var error = ReuseMap(LibBpf.FindMap(_object, "bulk"), bulkRing);
        error = error != 0 ? error : LibBpf.LoadObject(_object);
        var log = LibBpfLog.End();
        if (error != 0)
        {
            throw new InvalidOperationException($"The benchmark's BPF programs do not load ({error}): {log}");
        }
    }

    /// <summary>Has the empty program run at each exit of a system call.</summary>
    public void AttachNothing() => _link = LibBpf.Attach(LibBpf.FindProgram(_object, "nothing"));

    /// <summary>Writes records of opens to the ring.</summary>
    /// <param name="first">Number of the first.</param>
    /// <param name="count">At most so many; fewer when the ring is full.</param>
    /// <param name="files">How many different ones; a power of two.</param>
    /// <param name="containers">Of how many containers, from cgroup 1000 on; a power of two.</param>
    /// <returns>How many were written.</returns>
    public int Write(long first, int count, int files, int containers)
    {
        var arguments = stackalloc ulong[] { (ulong)first, (ulong)count, (ulong)files, (ulong)containers };
        var options = new TestRun { Size = (nuint)sizeof(TestRun), ContextIn = arguments, ContextInSize = 4 * sizeof(ulong) };
        var error = RunProgram(ProgramDescriptor(LibBpf.FindProgram(_object, "flood")), &options);
        return error == 0 ? (int)options.Result : throw new InvalidOperationException($"The flood does not run ({error}).");
    }

    public void Dispose()
    {
        _ = LibBpf.DestroyLink(_link);
        LibBpf.CloseObject(_object);
    }

    [LibraryImport(Library, EntryPoint = "bpf_map__reuse_fd")]
    private static partial int ReuseMap(nint map, int descriptor);

    [LibraryImport(Library, EntryPoint = "bpf_program__fd")]
    private static partial int ProgramDescriptor(nint program);

    [LibraryImport(Library, EntryPoint = "bpf_prog_test_run_opts")]
    private static partial int RunProgram(int program, TestRun* options);

    /// <summary>struct bpf_test_run_opts of libbpf.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct TestRun
    {
        public nuint Size;
        public void* DataIn;
        public void* DataOut;
        public uint DataInSize;
        public uint DataOutSize;
        public void* ContextIn;
        public void* ContextOut;
        public uint ContextInSize;
        public uint ContextOutSize;
        public uint Result;
        public int Repeat;
        public uint Duration;
        public uint Flags;
        public uint Cpu;
        public uint BatchSize;
    }
}
