using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;

namespace KubeCop.Sensor.Decoding;

/// <summary>The strings of an exec. Its standard streams are apart: each run of a pipeline has other ones.</summary>
/// <param name="path">The invoked path made absolute.</param>
/// <param name="executable">The executable it resolved to.</param>
/// <param name="details">The rest.</param>
internal sealed class DecodedExec(string path, string executable, ExecDetails details)
{
    private ExecDetails _details = details;

    public string Path { get; } = path;

    public string Executable { get; } = executable;

    /// <summary>The details with these streams: the same object for the same streams as the last time.</summary>
    public ExecDetails With(IReadOnlyList<string> streams) =>
        ReferenceEquals(_details.Streams, streams) ? _details : _details = _details with { Streams = streams };

    /// <summary>Reads <c>struct kc_exec_lengths</c> and the strings behind it.</summary>
    public static DecodedExec Decode(ReadOnlySpan<byte> bytes)
    {
        var lengths = MemoryMarshal.Read<ExecLengths>(bytes);
        var rest = bytes[Unsafe.SizeOf<ExecLengths>()..];
        var executable = Next(lengths.Executable, ref rest);
        var filename = Next(lengths.Filename, ref rest);
        var workingDirectory = Next(lengths.Cwd, ref rest);
        var arguments = Arguments(rest[..Math.Min((int)lengths.Args, rest.Length)]);
        return new DecodedExec(ContainerPath.MakeAbsolute(filename, workingDirectory), executable, new ExecDetails(filename, workingDirectory, arguments));

        static string Next(int length, ref ReadOnlySpan<byte> rest)
        {
            var text = KernelText.Decode(rest[..Math.Min(length, rest.Length)]);
            rest = rest[Math.Min(length, rest.Length)..];
            return text;
        }
    }

    private static string[] Arguments(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return [];
        }

        // The last argument ends with a NUL unless argv was cut.
        bytes = bytes[^1] == 0 ? bytes[..^1] : bytes;
        var arguments = new string[bytes.Count((byte)0) + 1];
        var index = 0;
        foreach (var range in bytes.Split((byte)0))
        {
            arguments[index++] = KernelText.Decode(bytes[range]);
        }

        return arguments;
    }
}
