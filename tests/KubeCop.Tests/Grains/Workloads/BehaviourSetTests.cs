using System.Text.Json;
using CsCheck;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Grains.Workloads;
using KubeCop.Tests.Core;

namespace KubeCop.Tests.Grains.Workloads;

public sealed class BehaviourSetTests
{
    private static readonly DateTimeOffset Epoch = DateTimeOffset.UnixEpoch;

    // Few values, so that samples meet each other.
    private static readonly Gen<BehaviourItem> Items = Gen.OneOf<BehaviourItem>(
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 1], Gen.Int[0, 2]).Select(static (path, exe, args) =>
            (BehaviourItem)new ExecItem($"/bin/{path}", $"/exe/{exe}", new ArgumentList([.. Enumerable.Range(0, args).Select(static arg => $"-{arg}")]))),
        Gen.Select(Gen.Int[0, 3], Gen.UInt).Select(static (path, flags) => (BehaviourItem)new OpenItem($"/etc/{path}", flags)),
        Gen.Int[0, 3].Select(static number => (BehaviourItem)new SyscallItem($"call{number}")),
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 2], Gen.Bool).Select(static (name, syscall, refused) =>
            (BehaviourItem)new CapabilityItem($"CAP{name}", $"call{syscall}", refused)),
        Gen.Select(Gen.Int[0, 2], Gen.Int[0, 99].Array[0, 60]).Select(static (name, addresses) =>
            (BehaviourItem)new DnsItem($"{name}.example", new ArgumentList([.. addresses.Select(static address => $"10.0.0.{address}")]))),
        Gen.Select(Gen.Bool, Gen.Int[0, 1], Gen.Int[1, 3]).Select(static (outgoing, protocol, port) =>
            (BehaviourItem)new NetworkItem(outgoing, protocol == 0 ? "tcp" : "udp", (ushort)port, outgoing ? "10.0.0.1" : "")));

    private static readonly Gen<(BehaviourItem Item, DateTimeOffset At)[]> Observations =
        Gen.Select(Items, Gen.Int[0, 9].Select(static seconds => Epoch.AddSeconds(seconds))).Array[0, 20];

    [Fact]
    public void Add_AnyOrderAndRepeats_GivesTheSameSet() =>
        Gen.Select(Observations, Gen.Int).Sample(static (observations, seed) =>
        {
            var random = new Random(seed);
            var shuffled = observations.Concat(observations.Where(_ => random.Next(2) == 0)).ToArray();
            random.Shuffle(shuffled);
            return Text(SetOf(observations)) == Text(SetOf(shuffled));
        });

    [Fact]
    public void Add_Repeat_IsNoChange() => Observations.Sample(static observations =>
    {
        var set = SetOf(observations);
        return observations.All(observation => !set.Add(observation.Item, observation.At));
    });

    [Fact]
    public void Add_StoredEntries_IsUnion() => Gen.Select(Observations, Observations).Sample(static (left, right) =>
    {
        var united = SetOf(left);
        united.Add(Written(SetOf(right)));
        return Text(united) == Text(SetOf([.. left, .. right])) && !united.Add(Written(SetOf(right)));
    });

    [Fact]
    public void Add_SeenEarlier_MovesFirstSeenBack()
    {
        var set = new BehaviourSet(10);
        set.Add(new OpenItem("/a", OpenFlags.ToSet(0)), Epoch.AddSeconds(5));

        Assert.True(set.Add(new OpenItem("/a", OpenFlags.ToSet(0)), Epoch));
        Assert.False(set.Add(new OpenItem("/a", OpenFlags.ToSet(0)), Epoch.AddSeconds(9)));
        Assert.Equal(Epoch, Assert.Single(Written(set).Opens).FirstSeen);
    }

    [Fact]
    public void Add_KindIsFull_RefusesNewEntriesOnlyAndCounts()
    {
        var set = new BehaviourSet(1);
        set.Add(new OpenItem("/a", OpenFlags.ToSet(0)), Epoch);

        Assert.False(set.Add(new OpenItem("/b", OpenFlags.ToSet(0)), Epoch));
        Assert.True(set.Add(new OpenItem("/a", OpenFlags.ToSet(1)), Epoch));
        Assert.True(set.Add(new ExecItem("/c", "/c", new ArgumentList([])), Epoch));
        Assert.Equal(1, set.Refused);
        Assert.Equal(["O_RDONLY", "O_WRONLY"], Assert.Single(Written(set).Opens).Flags);
    }

    [Fact]
    public void Add_MoreFilesThanThereIsRoomFor_MakesPatternsAndForgetsNothing()
    {
        var set = new BehaviourSet(100, maxVariableNames: 10);
        var files = Enumerable.Range(0, 1000).Select(static n => n % 2 == 0 ? $"/srv/cache/{n}" : $"/srv/words/{Word(n)}").Append("/etc/passwd").ToList();

        foreach (var file in files)
        {
            set.Add(new OpenItem(file, OpenFlags.ToSet(0)), Epoch);
        }

        var profile = Written(set);
        Assert.InRange(profile.Opens.Count, 3, 100);
        Assert.Equal(0, set.Refused);
        Assert.Contains(profile.Opens, static open => open.Path == "/etc/passwd");
        var compiled = new CompiledProfile(profile);
        Assert.All(files, file => Assert.True(compiled.OpenFlagsOf(file) != 0, file));
        Assert.Equal(0u, compiled.OpenFlagsOf("/srv/other"));

        // Stored and loaded it is the same, and knows what its patterns stand for.
        var loaded = new BehaviourSet(100, maxVariableNames: 10);
        loaded.Add(profile);
        Assert.Equal(Text(set), Text(loaded));
        Assert.False(loaded.Add(new OpenItem("/srv/cache/5000", OpenFlags.ToSet(0)), Epoch));
        Assert.True(loaded.Add(new OpenItem("/srv/cache/5000", OpenFlags.ToSet(1)), Epoch));
    }

    [Fact]
    public void Add_MoreSensitiveFilesThanThereIsRoomFor_RefusesAndCounts()
    {
        var set = new BehaviourSet(100, maxVariableNames: 10);
        for (var file = 0; file < 150; file++)
        {
            set.Add(new OpenItem($"/etc/{file}", OpenFlags.ToSet(0)), Epoch);
        }

        Assert.Equal(50, set.Refused);
        Assert.Equal(100, Written(set).Opens.Count);
    }

    [Fact]
    public void Add_FromManyReplicas_TellsHowMany()
    {
        var set = new BehaviourSet(10);
        for (var replica = 0; replica < 10; replica++)
        {
            set.Add(new OpenItem("/all", 1), Epoch, ReplicaSketch.Of($"container-{replica}"));
        }

        Assert.True(set.Add(new OpenItem("/one", 1), Epoch, ReplicaSketch.Of("container-0")));
        Assert.False(set.Add(new OpenItem("/one", 1), Epoch, ReplicaSketch.Of("container-0")));
        set.Add(new OpenItem("/unknown", 1), Epoch);

        var opens = Written(set).Opens;
        Assert.InRange(ReplicaSketch.Count(opens[0].Replicas), 8, 12);
        Assert.Equal([1, 0], opens.Skip(1).Select(static open => ReplicaSketch.Count(open.Replicas)));
    }

    // No digits, so that no two are of one kind.
    private static string Word(int number) => string.Concat(number.ToString(System.Globalization.CultureInfo.InvariantCulture).Select(static digit => (char)('a' + digit - '0')));

    private static BehaviourSet SetOf(params (BehaviourItem Item, DateTimeOffset At)[] observations)
    {
        var set = new BehaviourSet(1000, maxVariableNames: 10);
        foreach (var (item, at) in observations)
        {
            set.Add(item, at);
        }

        return set;
    }

    [Fact]
    public void Add_ManyAddressesInAnyOrder_KeepsTheSameOnes()
    {
        var addresses = Enumerable.Range(0, 200).Select(static number => $"10.0.0.{number:000}").ToArray();
        var forwards = new BehaviourSet(10);
        var backwards = new BehaviourSet(10);
        foreach (var (first, second) in addresses.Zip(addresses.Reverse()))
        {
            forwards.Add(Sample.DnsItem("a.example", first), Epoch);
            backwards.Add(Sample.DnsItem("a.example", second), Epoch);
        }

        Assert.Equal(addresses[..DnsItem.MaxAddresses], Assert.Single(Written(forwards).Dns).Addresses);
        Assert.Equal(Text(forwards), Text(backwards));
    }

    [Fact]
    public void Add_CapabilitiesOfOneSyscall_AreOneEntryWithTheVerdictsApart()
    {
        var set = SetOf(
            (new CapabilityItem("SYS_ADMIN", "bind", IsRefused: true), Epoch),
            (new CapabilityItem("NET_BIND_SERVICE", "bind"), Epoch.AddSeconds(-1)),
            (new CapabilityItem("NET_ADMIN", "bind"), Epoch));

        var entry = Assert.Single(Written(set).Capabilities);
        Assert.Equal(("bind", Epoch.AddSeconds(-1)), (entry.Syscall, entry.FirstSeen));
        Assert.Equal(["NET_ADMIN", "NET_BIND_SERVICE"], entry.Caps);
        Assert.Equal(["SYS_ADMIN"], entry.Refused);
    }

    [Fact]
    public void Add_KindNobodyKnows_IsAnError() => Assert.Throws<ArgumentException>(() => new BehaviourSet(1).Add(new UnknownItem(), Epoch));

    // Everything of a profile: its lists by content, in their order.
    private static string Text(BehaviourSet set) => JsonSerializer.Serialize(Written(set));

    private static ContainerProfile Written(BehaviourSet set) => set.WriteTo(Sample.ContainerProfile());

    private sealed record UnknownItem : BehaviourItem;
}
