using System.IO.Hashing;
using System.Security.Cryptography;

namespace KubeCop.Sensor.Decoding;

/// <summary>
/// Turns bytes into the value made of them before, so that what containers do again and again is decoded without allocation. A fixed
/// set-associative table: what is new replaces what was unused for longest in its set, so memory is bounded whatever containers do.
/// Used by one thread.
/// </summary>
/// <typeparam name="T">What is made of the bytes.</typeparam>
/// <param name="sets">Number of sets; a power of two.</param>
/// <param name="create">Makes the value when the bytes are not known.</param>
internal sealed class Interner<T>(int sets, Interner<T>.Factory create)
    where T : class
{
    private const int Ways = 4;

    /// <summary>Longer keys are not kept: a few huge ones must not hold much memory.</summary>
    private const int MaxKeyLength = 1024;

    private readonly Entry[] _entries = new Entry[sets * Ways];

    // Containers choose the bytes; without a secret they could make all of them fall into one set.
    private readonly long _seed = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(8));
    private uint _clock;

    public delegate T Factory(ReadOnlySpan<byte> bytes);

    public T Get(ReadOnlySpan<byte> bytes)
    {
        var hash = XxHash3.HashToUInt64(bytes, _seed);
        var set = _entries.AsSpan((int)(hash & (uint)(sets - 1)) * Ways, Ways);
        _clock++;
        foreach (ref var entry in set)
        {
            if (entry.Hash == hash && entry.Value is { } value && bytes.SequenceEqual(entry.Key))
            {
                entry.Used = _clock;
                return value;
            }
        }

        return Add(bytes, hash, set);
    }

    private T Add(ReadOnlySpan<byte> bytes, ulong hash, Span<Entry> set)
    {
        var value = create(bytes);
        if (bytes.Length > MaxKeyLength)
        {
            return value;
        }

        ref var oldest = ref set[0];
        foreach (ref var entry in set)
        {
            if (entry.Value is null || _clock - entry.Used > _clock - oldest.Used)
            {
                oldest = ref entry;
                if (entry.Value is null)
                {
                    break;
                }
            }
        }

        oldest = new Entry { Hash = hash, Used = _clock, Key = bytes.ToArray(), Value = value };
        return value;
    }

    private struct Entry
    {
        public ulong Hash;
        public uint Used;
        public byte[] Key;
        public T? Value;
    }
}
