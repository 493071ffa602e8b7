using System.Reflection;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Decoding;

namespace KubeCop.Tests.Sensor.Decoding;

/// <summary>The C# mirror against the BTF of the object that the kernel really gets.</summary>
public sealed unsafe class WireFormatTests : IDisposable
{
    private readonly nint _object;
    private readonly nint _btf;

    public WireFormatTests()
    {
        var bytes = KernelPrograms.ReadObject();
        LibBpfLog.Begin();
        fixed (byte* start = bytes)
        {
            _object = LibBpf.OpenObject(start, (nuint)bytes.Length, 0);
        }

        var log = LibBpfLog.End();
        Assert.True(_object != 0, $"libbpf cannot open the embedded object: {log}");
        _btf = LibBpf.ObjectBtf(_object);
    }

    public static TheoryData<Type, string> Structs() => new()
    {
        { typeof(EventHead), "kc_event" },
        { typeof(ExecLengths), "kc_exec_lengths" },
        { typeof(ExecRecord), "kc_exec" },
        { typeof(ForkRecord), "kc_fork" },
        { typeof(ExitRecord), "kc_exit" },
        { typeof(OpenRecord), "kc_open" },
        { typeof(CgroupRecord), "kc_cgroup" },
        { typeof(CgroupEntry), "kc_cgroup_entry" },
        { typeof(StreamRecord), "kc_stream" },
        { typeof(NetworkRecord), "kc_network" },
        { typeof(DnsRecord), "kc_dns" },
        { typeof(CapabilityRecord), "kc_capability" },
        { typeof(SyscallRecord), "kc_syscall" },
        { typeof(RandomXRecord), "kc_randomx" },
        { typeof(ModuleRecord), "kc_module" },
        { typeof(PtraceRecord), "kc_ptrace" },
        { typeof(NamespacesRecord), "kc_namespaces" },
        { typeof(SlotRecord), "kc_slot" },
        { typeof(SightingRecord), "kc_sighting" },
    };

    [Theory]
    [MemberData(nameof(Structs))]
    public void Struct_MatchesKernelSide_InSizeNamesAndOffsets(Type mirror, string name)
    {
        var (size, members) = BtfLayout.OfStruct(_btf, name);
        var fields = mirror.GetFields(BindingFlags.Instance | BindingFlags.Public)
            .Select(field => (Name: SnakeCase(field.Name), Offset: (uint)Marshal.OffsetOf(mirror, field.Name)))
            .OrderBy(static field => field.Offset)
            .ToArray();

        Assert.Equal(members.Select(static member => member.Name), fields.Select(static field => field.Name));
        Assert.Equal(members.Select(static member => member.Offset), fields.Select(static field => field.Offset));
        Assert.Equal(size, (uint)Marshal.SizeOf(mirror));
    }

    [Fact]
    public void RecordKinds_MatchKernelSide()
    {
        var kernel = BtfLayout.OfEnum(_btf, "kc_kind").ToDictionary(static entry => entry.Key["KC_".Length..].Replace("_", "", StringComparison.Ordinal), static entry => entry.Value);
        var mirror = Enum.GetValues<RecordKind>().ToDictionary(static kind => kind.ToString().ToUpperInvariant(), static kind => (int)kind);

        Assert.Equal(kernel.OrderBy(static entry => entry.Value), mirror.OrderBy(static entry => entry.Value));
        Assert.All(Enum.GetValues<EventKind>().Where(static kind => kind != EventKind.None), kind => Assert.Equal(kernel[kind.ToString().ToUpperInvariant()], (int)kind));
    }

    [Fact]
    public void EventFlags_MatchKernelSide()
    {
        var kernel = BtfLayout.OfEnum(_btf, "kc_event_flags").Values.Order();
        var mirror = Enum.GetValues<EventFlags>().Where(static flag => flag != EventFlags.None).Select(static flag => (int)flag).Order();

        Assert.Equal(kernel, mirror);
    }

    [Fact]
    public void LossReasons_MatchKernelSide() => Assert.Equal(BtfLayout.OfEnum(_btf, "kc_loss")["KC_LOSS_REASONS"], Wire.LossReasons.Length);

    public void Dispose() => LibBpf.CloseObject(_object);

    private static string SnakeCase(string name) =>
        string.Concat(name.Select((letter, index) => char.IsUpper(letter) && index > 0 ? "_" + char.ToLowerInvariant(letter) : char.ToLowerInvariant(letter).ToString()));
}
