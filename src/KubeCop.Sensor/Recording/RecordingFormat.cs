using System.Text.Json.Serialization;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Routing;

namespace KubeCop.Sensor.Recording;

/// <summary>
/// A recording: what the kernel side sent, in its order, with the answers of discovery in between. The file begins with
/// <see cref="Magic"/> and the version, two bytes; then blocks follow, each compressed by itself, so that of one that was cut off in the
/// middle everything before is good. All numbers are little-endian.
/// <para>
/// A block: its compressed length, its length, the CRC-32 of its content (four bytes each), the compressed content (Brotli). In it frames:
/// one byte <see cref="FrameType"/>, four bytes length, content.
/// </para>
/// </summary>
internal static class RecordingFormat
{
    /// <summary>Of the format, and of the records of bpf/include/kubecop_event.h in it: raised when either changes.</summary>
    public const ushort Version = 2;

    /// <summary>A block is written when it has grown to this.</summary>
    public const int BlockBytes = 1024 * 1024;

    /// <summary>A frame is never divided, so a block can be longer by one.</summary>
    public const int MaxBlockBytes = 2 * BlockBytes;

    public const int BlockHeaderBytes = 12;

    public const int FrameHeaderBytes = 5;

    public static ReadOnlySpan<byte> Magic => "KubeCop recording\n"u8;
}

internal enum FrameType : byte
{
    /// <summary><see cref="RecordingHeader"/> in JSON; the first.</summary>
    Header = 1,

    /// <summary>A record of the kernel side, as it is.</summary>
    Record = 2,

    /// <summary><see cref="DiscoveryResult"/> in JSON.</summary>
    Discovered = 3,

    /// <summary>A container that ran already, as <see cref="ContainerDescription"/> in JSON; records of its processes follow.</summary>
    Adopted = 4,

    /// <summary>A container's cgroup, and how many of its events were lost since the last such frame: eight bytes each.</summary>
    Lost = 5,

    /// <summary>Records that are missing here because the disk was too slow: their number, eight bytes.</summary>
    Missing = 6,

    /// <summary>CLOCK_BOOTTIME at the end, eight bytes; the last.</summary>
    End = 7,
}

/// <summary>What a recording says of itself.</summary>
/// <param name="KubeCop">Version of the program that made it.</param>
/// <param name="Kernel">Release of the kernel.</param>
/// <param name="Node">Name of the node.</param>
/// <param name="Booted">Wall-clock time of CLOCK_BOOTTIME 0: turns the events' times into dates.</param>
/// <param name="Started">CLOCK_BOOTTIME in nanoseconds at which the recording begins.</param>
internal sealed record RecordingHeader(
    [property: JsonRequired] string KubeCop,
    [property: JsonRequired] string Kernel,
    [property: JsonRequired] string Node,
    [property: JsonRequired] DateTimeOffset Booted,
    [property: JsonRequired] long Started);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(RecordingHeader))]
[JsonSerializable(typeof(DiscoveryResult))]
[JsonSerializable(typeof(ContainerDescription))]
internal sealed partial class RecordingJson : JsonSerializerContext;

/// <summary>A recording cannot be written or read.</summary>
public sealed class RecordingException(string message, Exception? inner = null) : Exception(message, inner);
