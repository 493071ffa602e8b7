using System.Diagnostics;
using KubeCop.Core.Events;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Decoding;

namespace KubeCop.Node.Tests.Sensor;

/// <summary>A cgroup of the test's own, watched by the real kernel side; what happens in it is read here.</summary>
internal sealed class WatchedCgroup : IRecordConsumer, IDisposable
{
    private readonly EventDecoder _decoder = new();

    public WatchedCgroup(KernelPrograms programs)
    {
        Programs = programs;
        var tree = CgroupTree.Open("/");
        Path = $"/kubecop-test-{Guid.NewGuid():N}";
        Directory = tree.MountPoint + Path;
        // Others' records are no use to anybody, and might fill the ring.
        Programs.Rings.Read(this, int.MaxValue);
        System.IO.Directory.CreateDirectory(Directory);
        Id = tree.IdOf(Path) ?? throw new InvalidOperationException($"no {Directory}");
    }

    public KernelPrograms Programs { get; }

    public string Path { get; }

    /// <summary>Where it is mounted.</summary>
    public string Directory { get; }

    public ulong Id { get; }

    public List<SensorEvent> Events { get; } = [];

    public List<(RecordKind Kind, string Path)> CgroupRecords { get; } = [];

    /// <summary>Who made it, as the kernel side saw it.</summary>
    public CgroupMaker? Maker { get; private set; }

    /// <summary>Runs a shell script in the cgroup and reads what the kernel side saw, until the shell's exit.</summary>
    /// <returns>Events in their order, without those of the shell's entry.</returns>
    public IReadOnlyList<SensorEvent> Run(string script)
    {
        var pid = RunToEnd(script);
        ReadUntil(() => Events.Any(one => one.Kind == EventKind.Exit && one.Process.Key.Pid == pid), "the exit of the shell");
        return Events;
    }

    /// <summary>Moves a process into the cgroup, as a runtime does.</summary>
    public void Enter(int pid) => File.WriteAllText($"{Directory}/cgroup.procs", $"{pid}");

    /// <summary>Runs a shell script in the cgroup.</summary>
    /// <returns>The shell's pid.</returns>
    public int RunToEnd(string script)
    {
        Events.Clear();
        var start = new ProcessStartInfo("/bin/sh") { ArgumentList = { "-c", $"echo $$ > {Directory}/cgroup.procs; {script}" }, RedirectStandardError = true, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"the script failed ({process.ExitCode}): {error.Result}");
        return process.Id;
    }

    /// <summary>Reads the ring until the condition holds.</summary>
    public void ReadUntil(Func<bool> condition, string what)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            if (Programs.Rings.Read(this, int.MaxValue) == 0)
            {
                Assert.True(
                    waited.Elapsed < TimeSpan.FromSeconds(20),
                    $"{what} did not come; seen: {string.Join(", ", Events.Select(static one => $"{one.Kind} {one.Path}"))}; "
                        + $"of the cgroup: {string.Join(", ", CgroupRecords)}; lost: {string.Join(", ", Programs.ReadLost())}");
                Thread.Yield();
            }
        }
    }

    public void Consume(ReadOnlySpan<byte> record)
    {
        ref readonly var head = ref EventDecoder.Head(record);
        if (head.CgroupId != Id)
        {
            return;
        }

        if (head.Kind >= RecordKind.CgroupCreated)
        {
            CgroupRecords.Add((head.Kind, EventDecoder.CgroupPath(record)));
            Maker ??= EventDecoder.CgroupMaker(record);
            return;
        }

        SensorEvent decoded = default;
        Assert.True(_decoder.TryDecode(record, ref decoded), $"a record of kind {head.Kind} and {record.Length} bytes was refused");
        Events.Add(decoded);
    }

    public void Dispose()
    {
        if (System.IO.Directory.Exists(Directory))
        {
            System.IO.Directory.Delete(Directory);
        }

        Programs.Removed(Id);
    }
}
