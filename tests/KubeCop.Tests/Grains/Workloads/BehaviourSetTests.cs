using CsCheck;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Grains.Workloads;

namespace KubeCop.Tests.Grains.Workloads;

public sealed class BehaviourSetTests
{
    private static readonly DateTimeOffset Epoch = DateTimeOffset.UnixEpoch;

    // Few values, so that samples meet each other.
    private static readonly Gen<BehaviourItem> Items = Gen.OneOf<BehaviourItem>(
        Gen.Select(Gen.Int[0, 3], Gen.Int[0, 1], Gen.Int[0, 2]).Select(static (path, exe, args) =>
            (BehaviourItem)new ExecItem($"/bin/{path}", $"/exe/{exe}", new ArgumentList([.. Enumerable.Range(0, args).Select(static arg => $"-{arg}")]))),
        Gen.Select(Gen.Int[0, 3], Gen.UInt).Select(static (path, flags) => (BehaviourItem)new OpenItem($"/etc/{path}", flags)));

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
        united.Add(ProfileOf(SetOf(right)));
        return Text(united) == Text(SetOf([.. left, .. right])) && !united.Add(ProfileOf(SetOf(right)));
    });

    [Fact]
    public void Add_SeenEarlier_MovesFirstSeenBack()
    {
        var set = new BehaviourSet(10);
        set.Add(new OpenItem("/a", OpenFlags.ToSet(0)), Epoch.AddSeconds(5));

        Assert.True(set.Add(new OpenItem("/a", OpenFlags.ToSet(0)), Epoch));
        Assert.False(set.Add(new OpenItem("/a", OpenFlags.ToSet(0)), Epoch.AddSeconds(9)));
        Assert.Equal(Epoch, Assert.Single(set.Opens()).FirstSeen);
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
        Assert.Equal(["O_RDONLY", "O_WRONLY"], Assert.Single(set.Opens()).Flags);
    }

    private static BehaviourSet SetOf((BehaviourItem Item, DateTimeOffset At)[] observations)
    {
        var set = new BehaviourSet(1000);
        foreach (var (item, at) in observations)
        {
            set.Add(item, at);
        }

        return set;
    }

    private static string Text(BehaviourSet set) => string.Join(
        '\n',
        set.Execs().Select(static exec => $"{exec.Path} {exec.Executable} {string.Join(' ', exec.Args)} {exec.FirstSeen:O}")
            .Concat(set.Opens().Select(static open => $"{open.Path} {string.Join(' ', open.Flags)} {open.FirstSeen:O}")));

    private static ContainerProfile ProfileOf(BehaviourSet set) => new()
    {
        Name = "c",
        Revision = "r",
        State = ProfileState.Learning,
        Version = 1,
        Generation = 1,
        LearningStartedAt = Epoch,
        CompletesAt = Epoch,
        Execs = set.Execs(),
        Opens = set.Opens(),
        IsPartial = false,
    };
}
