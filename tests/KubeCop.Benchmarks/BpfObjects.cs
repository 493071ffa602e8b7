using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using KubeCop.Sensor.Bpf;

namespace KubeCop.Benchmarks;

/// <summary>What the kernel has run for a program so far.</summary>
internal sealed record ProgramRuns(uint Id, string Name, double Nanoseconds, double Runs);

/// <summary>A map and the kernel memory it takes.</summary>
internal sealed record MapMemory(uint Id, string Name, long Bytes);

/// <summary>All BPF programs and maps of the machine, by the kernel's own lists.</summary>
internal static unsafe partial class BpfObjects
{
    private const string Library = "libbpf.so.1";

    /// <summary>BPF_STATS_RUN_TIME</summary>
    private const int RunTime = 0;

    /// <summary>Has the kernel measure programs' runs, until the result is disposed of.</summary>
    public static IDisposable Measure() => new Descriptor(EnableStatistics(RunTime));

    public static List<ProgramRuns> Programs()
    {
        var programs = new List<ProgramRuns>();
        for (uint id = 0; NextProgram(id, out id) == 0;)
        {
            using var program = new Descriptor(OpenProgram(id));
            if (program.Value >= 0)
            {
                var info = Info(program.Value);
                programs.Add(new ProgramRuns(id, Name(info, 64), BitConverter.ToUInt64(info, 192), BitConverter.ToUInt64(info, 200)));
            }
        }

        return programs;
    }

    public static List<MapMemory> Maps()
    {
        var maps = new List<MapMemory>();
        for (uint id = 0; NextMap(id, out id) == 0;)
        {
            using var map = new Descriptor(OpenMap(id));
            if (map.Value >= 0)
            {
                var memory = File.ReadLines($"/proc/self/fdinfo/{map.Value}").First(static line => line.StartsWith("memlock:", StringComparison.Ordinal));
                maps.Add(new MapMemory(id, Name(Info(map.Value), 24), long.Parse(memory["memlock:".Length..], CultureInfo.InvariantCulture)));
            }
        }

        return maps;
    }

    /// <summary>struct bpf_prog_info or bpf_map_info, include/uapi/linux/bpf.h: only ever grows at its end.</summary>
    private static byte[] Info(int descriptor)
    {
        var info = new byte[256];
        var length = (uint)info.Length;
        fixed (byte* start = info)
        {
            _ = GetInfo(descriptor, start, &length);
        }

        return info;
    }

    private static string Name(byte[] info, int offset) => Encoding.UTF8.GetString(info, offset, 16).TrimEnd('\0');

    [LibraryImport(Library, EntryPoint = "bpf_enable_stats")]
    private static partial int EnableStatistics(int type);

    [LibraryImport(Library, EntryPoint = "bpf_prog_get_next_id")]
    private static partial int NextProgram(uint start, out uint next);

    [LibraryImport(Library, EntryPoint = "bpf_prog_get_fd_by_id")]
    private static partial int OpenProgram(uint id);

    [LibraryImport(Library, EntryPoint = "bpf_map_get_next_id")]
    private static partial int NextMap(uint start, out uint next);

    [LibraryImport(Library, EntryPoint = "bpf_map_get_fd_by_id")]
    private static partial int OpenMap(uint id);

    [LibraryImport(Library, EntryPoint = "bpf_obj_get_info_by_fd")]
    private static partial int GetInfo(int descriptor, byte* info, uint* length);

    private sealed class Descriptor(int value) : IDisposable
    {
        public int Value => value;

        public void Dispose() => _ = LibC.Close(value);
    }
}
