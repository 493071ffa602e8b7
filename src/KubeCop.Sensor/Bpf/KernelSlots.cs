using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Sensor.Decoding;

namespace KubeCop.Sensor.Bpf;

/// <summary>
/// The slots of containers, in memory shared with the kernel: what a container may still send, what it lost, which of its behaviours were
/// reported. The kernel takes a slot when a cgroup is made; it is given back here.
/// </summary>
internal sealed unsafe class KernelSlots : IDisposable
{
    /// <summary>Of one slot, <c>struct kc_sightings</c>: whole pages.</summary>
    private static readonly nuint SightingBytes = (nuint)(Wire.SightingSets * Wire.SightingWays * Unsafe.SizeOf<SightingRecord>());

    private readonly int _free;
    private readonly int _sightings;
    private readonly SlotRecord* _slots;
    private readonly nuint _slotBytes;
    private readonly int _count;

    /// <summary>By slot, where its sightings are mapped; 0 before something had to be written there.</summary>
    private readonly nint[] _sightingsOf;
    private readonly Lock _mapping = new();
    private readonly ulong[] _repeatsOfGone = new ulong[Wire.Kinds];

    /// <summary>Makes all slots free.</summary>
    /// <param name="free">Descriptor of <c>free_slots</c>.</param>
    /// <param name="slots">Descriptor of <c>slots</c>.</param>
    /// <param name="sightings">Descriptor of <c>sightings</c>.</param>
    /// <param name="count">Entries of the maps; slot 0 is nobody's.</param>
    public KernelSlots(int free, int slots, int sightings, int count)
    {
        (_free, _sightings, _count) = (free, sightings, count);
        _slotBytes = (nuint)(count * Unsafe.SizeOf<SlotRecord>());
        _slots = (SlotRecord*)Map(slots, _slotBytes, 0);
        _sightingsOf = new nint[count];
        for (var slot = 1u; slot < count; slot++)
        {
            Clear(ref _slots[slot]);
            Push(slot);
        }
    }

    /// <summary>Slots in use.</summary>
    public int Used
    {
        get
        {
            var used = 0;
            for (var slot = 1; slot < _count; slot++)
            {
                used += _slots[slot].CgroupId != 0 ? 1 : 0;
            }

            return used;
        }
    }

    /// <summary>A record of this container has been read.</summary>
    public void Consumed(ushort slot, int ring, uint bytes)
    {
        if (slot > 0 && slot < _count)
        {
            // Written by this thread alone.
            ref var consumed = ref _slots[slot].Consumed[ring];
            Volatile.Write(ref consumed, consumed + bytes);
        }
    }

    /// <returns>0 when all are in use: the container is watched, but none of its repeats end in the kernel.</returns>
    public uint Take(ulong cgroupId)
    {
        uint slot;
        if (LibBpf.LookupAndDelete(_free, null, &slot) != 0 || slot >= _count)
        {
            return 0;
        }

        _slots[slot].CgroupId = cgroupId;
        return slot;
    }

    /// <summary>The container is not watched any more.</summary>
    public void Release(uint slot, ulong cgroupId)
    {
        if (slot > 0 && slot < _count && _slots[slot].CgroupId == cgroupId)
        {
            for (var kind = 0; kind < Wire.Kinds; kind++)
            {
                Interlocked.Add(ref _repeatsOfGone[kind], _slots[slot].Repeats[kind]);
            }

            Clear(ref _slots[slot]);
            Push(slot);
        }
    }

    /// <summary>The cgroup that uses a slot; 0 for none.</summary>
    public ulong CgroupOf(uint slot) => _slots[slot].CgroupId;

    public int Count => _count;

    /// <summary>Events this container has lost in the kernel.</summary>
    public long LostOf(uint slot)
    {
        var sum = 0ul;
        if (slot > 0 && slot < _count)
        {
            foreach (var count in _slots[slot].Lost)
            {
                sum += count;
            }
        }

        return (long)sum;
    }

    /// <summary>The same by kind and reason; nothing where nothing was lost.</summary>
    public IEnumerable<LossCount> LossesOf(uint slot)
    {
        for (var index = 0; index < Wire.Kinds * Wire.LossReasons.Length; index++)
        {
            if (LossAt(slot, index) is var count and > 0)
            {
                yield return new LossCount((EventKind)(index / Wire.LossReasons.Length), Wire.LossReasons[index % Wire.LossReasons.Length], count);
            }
        }
    }

    /// <summary>Events of this kind that ended in the kernel because they were known. From any thread.</summary>
    public long RepeatsOf(int kind)
    {
        var sum = Volatile.Read(ref _repeatsOfGone[kind]);
        for (var slot = 1; slot < _count; slot++)
        {
            sum += _slots[slot].Repeats[kind];
        }

        return (long)sum;
    }

    /// <summary>Repeats of one behaviour are reported from now on: each, or one a second.</summary>
    public void ReportRepeats(uint slot, ulong key, bool each)
    {
        if (slot == 0 || slot >= _count)
        {
            return;
        }

        var set = SetOf(slot, key);
        for (var way = 0; way < Wire.SightingWays; way++)
        {
            if (set[way].Key == key && each)
            {
                set[way].ReportAfterNs = Wire.ReportEach;
            }
            else if (set[way].Key == key && set[way].ReportAfterNs == 0)
            {
                set[way].ReportAfterNs = (ulong)KernelClock.Now() + 1_000_000_000;
            }
        }
    }

    /// <summary>Nothing is reported any more of new files in a directory.</summary>
    /// <param name="cgroupId">The container that is to have the slot: it may have gone meanwhile, and another come.</param>
    /// <param name="directory">As a record told it.</param>
    public void EndOpensIn(uint slot, ulong cgroupId, ulong directory)
    {
        if (slot == 0 || slot >= _count || directory == 0 || !IsDirectory(directory))
        {
            return;
        }

        // In this order: a slot loses its container before its epoch, so that what is written for one that has gone is nobody's.
        var epoch = Volatile.Read(ref _slots[slot].Epoch);
        if (Volatile.Read(ref _slots[slot].CgroupId) != cgroupId)
        {
            return;
        }

        var set = SetOf(slot, directory);
        var first = Random.Shared.Next(Wire.SightingWays);
        var (stale, behaviour, other, directories) = (-1, -1, -1, 0);
        for (var step = 0; step < Wire.SightingWays; step++)
        {
            var way = (first + step) % Wire.SightingWays;
            if (set[way].Epoch != epoch)
            {
                stale = way;
            }
            else if (!IsDirectory(set[way].Key))
            {
                behaviour = way;
            }
            else if (set[way].Key == directory)
            {
                return;
            }
            else
            {
                other = way;
                directories++;
            }
        }

        // The kernel reads and writes here meanwhile: what it finds must be nothing, or whole.
        ref var entry = ref set[directories >= Wire.DirectoryWays ? other : stale >= 0 ? stale : behaviour];
        Volatile.Write(ref entry.Key, 0);
        entry.ReportAfterNs = 0;
        entry.Repeats = 0;
        Volatile.Write(ref entry.Epoch, epoch);
        Volatile.Write(ref entry.Key, directory);
    }

    /// <summary>Everything the container does is reported anew.</summary>
    public void ForgetAll(uint slot)
    {
        if (slot > 0 && slot < _count)
        {
            Forget(ref _slots[slot]);
        }
    }

    public void Dispose()
    {
        _ = LibC.Unmap((byte*)_slots, _slotBytes);
        foreach (var mapped in _sightingsOf)
        {
            if (mapped != 0)
            {
                _ = LibC.Unmap((byte*)mapped, SightingBytes);
            }
        }
    }

    private static bool IsDirectory(ulong key) => (key & 1) == 0;

    private SightingRecord* SetOf(uint slot, ulong key) =>
        SightingsOf(slot) + ((long)((key >> 8) % Wire.SightingSets) * Wire.SightingWays);

    // Not all at once: the kernel puts every page of a mapping into the process, and those of all slots are 12 MiB.
    private SightingRecord* SightingsOf(uint slot)
    {
        var mapped = Volatile.Read(ref _sightingsOf[slot]);
        if (mapped == 0)
        {
            lock (_mapping)
            {
                mapped = _sightingsOf[slot];
                if (mapped == 0)
                {
                    mapped = (nint)Map(_sightings, SightingBytes, (nint)(slot * SightingBytes));
                    Volatile.Write(ref _sightingsOf[slot], mapped);
                }
            }
        }

        return (SightingRecord*)mapped;
    }

    private static byte* Map(int descriptor, nuint length, nint offset)
    {
        var memory = LibC.Map(0, length, LibC.ProtRead | LibC.ProtWrite, LibC.MapShared, descriptor, offset);
        return memory != (byte*)-1
            ? memory
            : throw new SensorException(
                $"The memory shared with the kernel could not be mapped: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.",
                "Lower KubeCop:Sensor:MaxContainers or give the process more memory.");
    }

    private long LossAt(uint slot, int index) => (long)_slots[slot].Lost[index];

    private static void Forget(ref SlotRecord slot)
    {
        Interlocked.Increment(ref slot.Epoch);
        ((Span<ulong>)slot.Syscalls).Clear();
    }

    // What was sent and read goes on: records of the last use may still be in the rings.
    private static void Clear(ref SlotRecord slot)
    {
        Volatile.Write(ref slot.CgroupId, 0);
        Forget(ref slot);
        ((Span<ulong>)slot.Repeats).Clear();
        ((Span<ulong>)slot.Lost).Clear();
        slot.RoundingChanges = 0;
    }

    private void Push(uint slot) => _ = LibBpf.Update(_free, null, &slot, 0);
}
