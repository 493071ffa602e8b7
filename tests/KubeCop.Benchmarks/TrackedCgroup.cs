using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Sensor;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Decoding;
using KubeCop.Testing;

namespace KubeCop.Benchmarks;

/// <summary>The kernel side alone, with a cgroup that it takes for a container; a thread empties the rings.</summary>
internal sealed class TrackedCgroup : IRecordConsumer, IDisposable
{
    private readonly string _mount;
    private readonly string _directory;
    private readonly ulong _id;
    private readonly Thread _reader;
    private volatile bool _stopping;
    private ulong _newFilesIn;

    public TrackedCgroup()
    {
        var tree = CgroupTree.Open("/");
        _mount = tree.MountPoint;
        Programs = KernelPrograms.Load(new SensorOptions(), _mount);
        _directory = $"{_mount}/kubecop-bench-{Environment.ProcessId}";
        Directory.CreateDirectory(_directory);
        _id = tree.IdOf(_directory[_mount.Length..]) ?? throw new InvalidOperationException($"no {_directory}");
        Programs.Watch(_id, _id);
        _reader = new Thread(Read) { IsBackground = true };
        _reader.Start();
    }

    public KernelPrograms Programs { get; }

    /// <summary>Runs the load program to its end.</summary>
    /// <param name="load">Path and arguments.</param>
    /// <param name="tracked">In the cgroup, or where nobody looks.</param>
    public Task<string> RunAsync(string load, bool tracked) =>
        Commands.RunAsync("sh", "-c", tracked ? $"echo $$ >{_directory}/cgroup.procs; exec {load}" : $"exec {load}");

    /// <summary>Makes many cgroups at once, as containers do, and removes them.</summary>
    /// <returns>Slots in use meanwhile.</returns>
    public int CountSlotsOf(int cgroups)
    {
        var directories = Enumerable.Range(0, cgroups).Select(index => Directory.CreateDirectory($"{_directory}-{index}")).ToList();
        var used = Programs.UsedSlots;
        directories.ForEach(static directory => directory.Delete());
        return used;
    }

    /// <summary>Has new files end in the kernel where this load makes some.</summary>
    public async Task EndNewFilesAsync(string load)
    {
        _newFilesIn = 0;
        _ = await RunAsync(load, tracked: true);
        Programs.EndOpensIn(_id, await Wait.UntilAsync(() => Volatile.Read(ref _newFilesIn), static directory => directory != 0, "new file"));
    }

    public void Consume(ReadOnlySpan<byte> record)
    {
        if (EventDecoder.Head(record) is { Kind: RecordKind.Open } head && head.CgroupId == _id && MemoryMarshal.AsRef<OpenRecord>(record) is var open && (open.OpenFlags & OpenFlags.Create) != 0)
        {
            Volatile.Write(ref _newFilesIn, open.Directory);
        }
    }

    public void Dispose()
    {
        _stopping = true;
        _reader.Join();
        Directory.Delete(_directory);
        Programs.Dispose();
    }

    private void Read()
    {
        while (!_stopping)
        {
            _ = Programs.Rings.Read(this, int.MaxValue);
            Thread.Sleep(1);
        }
    }
}
