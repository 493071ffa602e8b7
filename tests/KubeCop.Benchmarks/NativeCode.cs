using System.Globalization;
using System.Runtime.InteropServices;
using KubeCop.Testing;

namespace KubeCop.Benchmarks;

/// <summary>The programs in C that the benchmarks run, compiled when they are needed.</summary>
internal sealed class NativeCode : IDisposable
{
    private readonly TestDirectory _directory = new();

    private NativeCode()
    {
    }

    /// <summary>The program that does what containers do; see Native/load.c for what it can.</summary>
    public string Load => _directory.Combine("load");

    /// <summary>The BPF object of Native/flood.bpf.c.</summary>
    public string Flood => _directory.Combine("flood.bpf.o");

    public static async Task<NativeCode> CompileAsync()
    {
        var native = new NativeCode();
        var sources = Path.Combine(AppContext.BaseDirectory, "Native");
        var architecture = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "arm64" : "x86";
        await Commands.RunAsync("clang", "-O2", "-Wall", "-static", Path.Combine(sources, "load.c"), "-o", native.Load);
        await Commands.RunAsync(
            "clang", "-g", "-O2", "-Wall", "-target", "bpf", "-mcpu=v3", $"-D__TARGET_ARCH_{architecture}", $"-I{Path.Combine(sources, "include")}",
            "-c", Path.Combine(sources, "flood.bpf.c"), "-o", native.Flood);
        return native;
    }

    /// <summary>What the load program said it did.</summary>
    public static (double Operations, double Seconds) Parse(string output)
    {
        var fields = output.Split(' ', StringSplitOptions.TrimEntries);
        return (double.Parse(fields[0], CultureInfo.InvariantCulture), double.Parse(fields[1], CultureInfo.InvariantCulture));
    }

    public void Dispose() => _directory.Dispose();
}
