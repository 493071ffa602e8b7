using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;

namespace KubeCop.Sensor.Decoding;

/// <summary>Standard streams as text: see <see cref="ExecDetails.Streams"/>.</summary>
internal static class StreamText
{
    private const int Pipe = 3;
    private const int Socket = 5;

    // enum kc_stream_type
    private static readonly string[] Types = ["closed", "other", "terminal", "pipe", "file", "socket"];

    /// <summary>Reads the three <c>struct kc_stream</c> of an exec.</summary>
    public static IReadOnlyList<string> Decode(ReadOnlySpan<byte> bytes)
    {
        var streams = MemoryMarshal.Read<StreamRecords>(bytes);
        return [Text(streams[0]), Text(streams[1]), Text(streams[2])];
    }

    private static string Text(in StreamRecord stream)
    {
        var type = stream.Type < Types.Length ? Types[stream.Type] : "other";
        if (stream.Family != 0)
        {
            return $"{type} {new IPEndPoint(NetworkText.Address(stream.Family, stream.Address), stream.Port)}";
        }

        ReadOnlySpan<byte> identity = stream.Address;
        var inode = MemoryMarshal.Read<ulong>(identity);
        if (inode == 0 || stream.Type is not (Pipe or Socket))
        {
            return type;
        }

        // include/linux/kdev_t.h: 20 bits of minor.
        return MemoryMarshal.Read<uint>(identity[sizeof(ulong)..]) is var device and not 0
            ? string.Create(CultureInfo.InvariantCulture, $"fifo:[{device >> 20}:{device & 0xfffff}:{inode}]")
            : string.Create(CultureInfo.InvariantCulture, $"{type}:[{inode}]");
    }
}
