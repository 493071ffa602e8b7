using System.Buffers.Binary;
using KubeCop.Core.Alerts;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace KubeCop.Exporters.Delivery;

/// <summary>
/// An alert as bytes for the disk, whole, so that every exporter can write it in its own form later: when it began to wait (64 bits, UTC ticks),
/// then the alert as Orleans' serializer writes it, which later versions read too.
/// </summary>
internal sealed class AlertCodec
{
    private const int TimeLength = sizeof(long);

    private readonly Serializer<Alert> _serializer = new ServiceCollection()
        .AddSerializer(static serializer => serializer.AddAssembly(typeof(Alert).Assembly))
        .BuildServiceProvider()
        .GetRequiredService<Serializer<Alert>>();

    public byte[] Encode(in WaitingAlert waiting)
    {
        var alert = _serializer.SerializeToArray(waiting.Alert);
        var payload = new byte[TimeLength + alert.Length];
        BinaryPrimitives.WriteInt64LittleEndian(payload, waiting.Since.UtcTicks);
        alert.CopyTo(payload, TimeLength);
        return payload;
    }

    /// <returns>Null when no version of ours wrote it, or a much later one.</returns>
    public WaitingAlert? Decode(long sequence, ReadOnlySpan<byte> payload)
    {
        try
        {
            var since = new DateTimeOffset(BinaryPrimitives.ReadInt64LittleEndian(payload), TimeSpan.Zero);
            return _serializer.Deserialize(payload[TimeLength..]) is { } alert ? new WaitingAlert(sequence, since, alert) : null;
        }
#pragma warning disable CA1031 // A deserializer throws whatever it meets; the checksum says that the bytes are those that were written.
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }
}

/// <summary>An alert that waits for its receiver.</summary>
/// <param name="Sequence">Grows with each alert of a queue, also over restarts.</param>
/// <param name="Since">When it began to wait.</param>
internal readonly record struct WaitingAlert(long Sequence, DateTimeOffset Since, Alert Alert);
