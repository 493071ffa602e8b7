using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Decoding;

namespace KubeCop.Sensor.Bpf;

/// <summary>Reads what bpf/snapshot.h tells of the processes that already run in containers.</summary>
internal static class RunningTasks
{
    /// <summary>The kernel hands out whole records, and its own buffer (eight pages) holds the longest one.</summary>
    private const int BufferBytes = 64 * 1024;

    private const int MaxArguments = 16_384;

    /// <param name="link">Descriptor of the attached iterator.</param>
    /// <returns>Records in the order in which the processes were created: parents before their children.</returns>
    /// <exception cref="SensorException">The kernel gave up in the middle.</exception>
    public static IReadOnlyList<byte[]> Read(int link)
    {
        var iterator = LibBpf.CreateIterator(link);
        if (iterator < 0)
        {
            throw NotRead();
        }

        try
        {
            var records = new List<byte[]>();
            Split(ReadToEnd(iterator), records);
            records.Sort(static (one, other) => EventDecoder.Head(one).StartTimeNs.CompareTo(EventDecoder.Head(other).StartTimeNs));
            return records;
        }
        finally
        {
            _ = LibC.Close(iterator);
        }
    }

    /// <summary>Puts the arguments behind a record that came without them, as /proc tells them.</summary>
    internal static byte[] WithArguments(byte[] record, ReadOnlySpan<byte> arguments, bool truncated)
    {
        byte[] whole = [.. record, .. arguments];
        ref var exec = ref MemoryMarshal.AsRef<ExecRecord>(whole.AsSpan());
        exec.Lengths.Args = (uint)arguments.Length;
        exec.Event.Size = (uint)whole.Length;
        exec.Event.Flags = (exec.Event.Flags & ~(uint)EventFlags.ArgumentsUnreadable) | (truncated ? (uint)EventFlags.ArgumentsTruncated : 0);
        return whole;
    }

    private static unsafe byte[] ReadToEnd(int iterator)
    {
        using var content = new MemoryStream();
        var buffer = new byte[BufferBytes];
        while (true)
        {
            nint read;
            fixed (byte* start = buffer)
            {
                read = LibC.Read(iterator, start, (nuint)buffer.Length);
            }

            if (read == 0)
            {
                return content.ToArray();
            }

            if (read > 0)
            {
                content.Write(buffer, 0, (int)read);
            }
            else if (Marshal.GetLastPInvokeError() is not (Interrupted or TryAgain))
            {
                throw NotRead();
            }
        }
    }

    private const int Interrupted = 4;

    /// <summary>After a million objects in which nothing was found, the kernel returns once with this (kernel/bpf/bpf_iter.c).</summary>
    private const int TryAgain = 11;

    private static void Split(ReadOnlySpan<byte> content, List<byte[]> records)
    {
        while (content.Length >= Unsafe.SizeOf<ExecRecord>() && EventDecoder.Head(content).Size is var size && size >= Unsafe.SizeOf<ExecRecord>() && size <= content.Length)
        {
            records.Add(Completed(content[..(int)size].ToArray()));
            content = content[(int)size..];
        }
    }

    private static byte[] Completed(byte[] record)
    {
        ref readonly var head = ref EventDecoder.Head(record);
        return (head.Flags & (uint)EventFlags.ArgumentsUnreadable) != 0
            && HostFile.ReadBeginning($"/proc/{head.Pid}/cmdline", MaxArguments, out var truncated) is { } arguments
            ? WithArguments(record, arguments, truncated)
            : record;
    }

    private static SensorException NotRead() => new(
        $"The processes that run already cannot be listed: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.",
        "Start again; if that does not help, restart the containers after KubeCop.");
}
