using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;

namespace KubeCop.Sensor.Decoding;

/// <summary>The strings of an exec.</summary>
/// <param name="Path">The invoked path made absolute.</param>
/// <param name="Executable">The executable it resolved to.</param>
/// <param name="Details">The rest.</param>
internal sealed record DecodedExec(string Path, string Executable, ExecDetails Details)
{
    private static readonly string[] StreamTypes = ["closed", "other", "terminal", "pipe", "file", "socket"];

    /// <summary>Reads the streams, <c>struct kc_exec_lengths</c> and the strings behind it.</summary>
    public static DecodedExec Decode(ReadOnlySpan<byte> bytes)
    {
        var streams = MemoryMarshal.Read<StreamRecords>(bytes);
        bytes = bytes[Unsafe.SizeOf<StreamRecords>()..];
        var lengths = MemoryMarshal.Read<ExecLengths>(bytes);
        var rest = bytes[Unsafe.SizeOf<ExecLengths>()..];
        var executable = Next(lengths.Executable, ref rest);
        var filename = Next(lengths.Filename, ref rest);
        var workingDirectory = Next(lengths.Cwd, ref rest);
        var arguments = Arguments(rest[..Math.Min((int)lengths.Args, rest.Length)]);
        return new DecodedExec(
            ContainerPath.MakeAbsolute(filename, workingDirectory),
            executable,
            new ExecDetails(filename, workingDirectory, arguments) { Streams = [Stream(streams[0]), Stream(streams[1]), Stream(streams[2])] });

        static string Next(int length, ref ReadOnlySpan<byte> rest)
        {
            var text = KernelText.Decode(rest[..Math.Min(length, rest.Length)]);
            rest = rest[Math.Min(length, rest.Length)..];
            return text;
        }
    }

    private static string Stream(in StreamRecord stream)
    {
        var type = stream.Type < StreamTypes.Length ? StreamTypes[stream.Type] : "other";
        return stream.Family == 0 ? type : $"{type} {new IPEndPoint(NetworkText.Address(stream.Family, stream.Address), stream.Port)}";
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
