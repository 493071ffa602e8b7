using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Decoding;
using KubeCop.Testing;

namespace KubeCop.Tests.Sensor.Bpf;

/// <summary>What is written into the memory shared with the kernel, which files stand for here.</summary>
public sealed class KernelSlotsTests : IDisposable
{
    private const uint Slot = 1;
    private const ulong Container = 77;

    private readonly TestDirectory _directory = new();
    private readonly FileStream _slotMemory;
    private readonly FileStream _sightingMemory;
    private readonly KernelSlots _slots;

    public KernelSlotsTests()
    {
        _slotMemory = Memory("slots", 2 * Unsafe.SizeOf<SlotRecord>());
        _sightingMemory = Memory("sightings", 2 * Wire.SightingSets * Wire.SightingWays * Unsafe.SizeOf<SightingRecord>());
        _slots = new KernelSlots(-1, Descriptor(_slotMemory), Descriptor(_sightingMemory), 2);
        Write(_slotMemory, Unsafe.SizeOf<SlotRecord>() + (int)Marshal.OffsetOf<SlotRecord>(nameof(SlotRecord.CgroupId)), Container);
    }

    public void Dispose()
    {
        _slots.Dispose();
        _slotMemory.Dispose();
        _sightingMemory.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void EndOpensIn_MoreDirectoriesOfOneSetThanItsShare_LeavesTheRestToBehaviours()
    {
        var behaviours = Enumerable.Range(0, Wire.SightingWays).Select(static number => KeyOfSet(5, number) | 1).ToList();
        for (var way = 0; way < Wire.SightingWays; way++)
        {
            WriteWay(5, way, new SightingRecord { Key = behaviours[way], Epoch = Epoch() });
        }

        for (var number = 100; number < 200; number++)
        {
            _slots.EndOpensIn(Slot, Container, KeyOfSet(5, number));
            Assert.Contains(Ways(5), way => way.Key == KeyOfSet(5, number) && way.Epoch == Epoch());
        }

        Assert.Equal(Wire.DirectoryWays, Ways(5).Count(static way => (way.Key & 1) == 0));
        Assert.Equal(Wire.SightingWays - Wire.DirectoryWays, Ways(5).Count(way => behaviours.Contains(way.Key)));
        Assert.All(Ways(4).Concat(Ways(6)), static way => Assert.Equal(0ul, way.Key));
    }

    [Fact]
    public void EndOpensIn_Again_ChangesNothing()
    {
        _slots.EndOpensIn(Slot, Container, KeyOfSet(5, 1));
        var way = Ways(5).FindIndex(static one => one.Key != 0);
        WriteWay(5, way, Ways(5)[way] with { Repeats = 9 });

        _slots.EndOpensIn(Slot, Container, KeyOfSet(5, 1));

        Assert.Equal(9u, Assert.Single(Ways(5), static one => one.Key != 0).Repeats);
    }

    [Fact]
    public void EndOpensIn_WhereBehavioursAreForgotten_TakesTheirPlace()
    {
        var kept = KeyOfSet(5, 1) | 1;
        WriteWay(5, 0, new SightingRecord { Key = kept, Epoch = Epoch() });
        WriteWay(5, 1, new SightingRecord { Key = KeyOfSet(5, 2) | 1, Epoch = Epoch() });
        WriteWay(5, 2, new SightingRecord { Key = KeyOfSet(5, 3), Epoch = Epoch() });
        WriteWay(5, 3, new SightingRecord { Key = KeyOfSet(5, 4), Epoch = Epoch() });
        _slots.ForgetAll(Slot);
        WriteWay(5, 0, new SightingRecord { Key = kept, Epoch = Epoch() });

        _slots.EndOpensIn(Slot, Container, KeyOfSet(5, 3));
        _slots.EndOpensIn(Slot, Container, KeyOfSet(5, 5));

        Assert.Equal(
            [kept, KeyOfSet(5, 3), KeyOfSet(5, 5)],
            Ways(5).Where(way => way.Epoch == Epoch()).Select(static way => way.Key).OrderByDescending(static key => key & 1).ThenBy(static key => key));
    }

    [Theory]
    [InlineData(Slot, Container, 0ul)]
    [InlineData(Slot, Container, 5ul << 8 | 1)]
    [InlineData(Slot, Container + 1, 5ul << 8)]
    [InlineData(0u, Container, 5ul << 8)]
    [InlineData(2u, Container, 5ul << 8)]
    public void EndOpensIn_OfNobodyOrOfNoDirectory_WritesNothing(uint slot, ulong cgroupId, ulong directory)
    {
        _slots.EndOpensIn(slot, cgroupId, directory);
        Assert.All(Ways(5).Concat(Ways(0)), static way => Assert.Equal(0ul, way.Key));
    }

    [Fact]
    public void EndOpensIn_OfAContainerThatHasGone_WritesNothing()
    {
        _slots.Release(Slot, Container);
        _slots.EndOpensIn(Slot, Container, KeyOfSet(5, 1));
        Assert.All(Ways(5), static way => Assert.Equal(0ul, way.Key));
    }

    private static ulong KeyOfSet(int set, int number) => ((ulong)number << 32) | ((ulong)set << 8);

    private static int Descriptor(FileStream memory) => (int)memory.SafeFileHandle.DangerousGetHandle();

    private static int OffsetOf(int set, int way) =>
        (int)((((Slot * Wire.SightingSets) + set) * Wire.SightingWays) + way) * Unsafe.SizeOf<SightingRecord>();

    private static void Write<T>(FileStream memory, int offset, in T value)
        where T : unmanaged => RandomAccess.Write(memory.SafeFileHandle, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)), offset);

    private static T Read<T>(FileStream memory, int offset)
        where T : unmanaged
    {
        T value = default;
        Assert.Equal(Unsafe.SizeOf<T>(), RandomAccess.Read(memory.SafeFileHandle, MemoryMarshal.AsBytes(new Span<T>(ref value)), offset));
        return value;
    }

    private FileStream Memory(string name, int bytes)
    {
        var memory = new FileStream(_directory.Combine(name), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        memory.SetLength(bytes);
        return memory;
    }

    private uint Epoch() => Read<uint>(_slotMemory, Unsafe.SizeOf<SlotRecord>() + (int)Marshal.OffsetOf<SlotRecord>(nameof(SlotRecord.Epoch)));

    private void WriteWay(int set, int way, in SightingRecord record) => Write(_sightingMemory, OffsetOf(set, way), record);

    private List<SightingRecord> Ways(int set) =>
        [.. Enumerable.Range(0, Wire.SightingWays).Select(way => Read<SightingRecord>(_sightingMemory, OffsetOf(set, way)))];
}
