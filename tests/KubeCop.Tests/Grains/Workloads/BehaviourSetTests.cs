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

    private static BehaviourSet SetOf(params (BehaviourItem Item, DateTimeOffset At)[] observations)
    {
        var set = new BehaviourSet(1000);
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
