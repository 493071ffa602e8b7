using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace KubeCop.Sensor.Bpf;

/// <summary>
/// What libbpf prints while it loads: the only place where it says which program failed and why. Collected for the thread that loads,
/// kept off stderr.
/// </summary>
internal static unsafe class LibBpfLog
{
    private const int MaxCharacters = 64 * 1024;

    /// <summary>LIBBPF_DEBUG of enum libbpf_print_level.</summary>
    private const int Debug = 2;

    [ThreadStatic]
    private static StringBuilder? _lines;

    /// <summary>Starts collecting on this thread.</summary>
    public static void Begin()
    {
        LibBpf.SetPrint(&Print);
        _lines = new StringBuilder();
    }

    /// <summary>Ends collecting on this thread.</summary>
    /// <returns>What was printed, the oldest 64 Ki characters of it.</returns>
    public static string End()
    {
        var text = _lines?.ToString() ?? "";
        _lines = null;
        return text;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Print(int level, byte* format, nint arguments)
    {
        if (_lines is { Length: < MaxCharacters } lines && level < Debug)
        {
            // A verifier log is one message of many lines; its end, where the reason is, follows in messages of its own.
            var buffer = stackalloc byte[4096];
            _ = LibC.FormatList(buffer, 4096, format, arguments);
            lines.Append(Marshal.PtrToStringUTF8((nint)buffer));
        }

        return 0;
    }
}
