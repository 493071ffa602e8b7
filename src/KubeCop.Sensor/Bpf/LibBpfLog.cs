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

    /// <summary>A verifier log is one message; libbpf gives it at most 16 MiB. Memory that is not written to costs nothing.</summary>
    private const int MaxMessage = 17 * 1024 * 1024;

    /// <summary>Characters kept of a message: its end, where the reason is.</summary>
    private const int MaxTail = 8 * 1024;

    /// <summary>LIBBPF_DEBUG of enum libbpf_print_level.</summary>
    private const int Debug = 2;

    [ThreadStatic]
    private static StringBuilder? _lines;

    [ThreadStatic]
    private static byte* _message;

    /// <summary>Starts collecting on this thread.</summary>
    public static void Begin()
    {
        LibBpf.SetPrint(&Print);
        _lines = new StringBuilder();
        if (_message == null)
        {
            _message = (byte*)NativeMemory.Alloc(MaxMessage);
        }
    }

    /// <summary>Ends collecting on this thread.</summary>
    /// <returns>What was printed, the oldest 64 Ki characters of it.</returns>
    public static string End()
    {
        var text = _lines?.ToString() ?? "";
        _lines = null;
        NativeMemory.Free(_message);
        _message = null;
        return text;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Print(int level, byte* format, nint arguments)
    {
        if (_lines is { Length: < MaxCharacters } lines && level < Debug)
        {
            var length = Math.Min(LibC.FormatList(_message, MaxMessage, format, arguments), MaxMessage - 1);
            if (length > MaxTail)
            {
                lines.Append(Encoding.UTF8.GetString(_message, (int)MemoryMarshal.CreateReadOnlySpanFromNullTerminated(_message).IndexOf((byte)'\n') + 1));
            }

            lines.Append(Encoding.UTF8.GetString(_message + Math.Max(length - MaxTail, 0), Math.Min(Math.Max(length, 0), MaxTail)));
        }

        return 0;
    }
}
