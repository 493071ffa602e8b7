using KubeCop.Core.Workloads;
using KubeCop.Kubernetes.Pods;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Kubernetes.Pods;

public sealed class PodDirectoryTests
{
    private static readonly Workload Web = new(new WorkloadKey("shop", "Deployment", "web"), new WorkloadObject("apps/v1", "uid-web"));

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly PodDirectory _directory;

    public PodDirectoryTests() => _directory = new PodDirectory(_time);

    [Fact]
    public void Container_OfNoPod_IsLeftAsItIs()
    {
        var container = Container() with { Pod = null };

        Assert.Same(container, _directory.Describe(container));
    }

    [Fact]
    public void Container_OfAPodNobodyHasToldOf_AwaitsItsOwner()
    {
        var described = _directory.Describe(Container());

        Assert.True(described.AwaitsOwner, "its pod may still come");
        Assert.Equal("Pod", described.Workload.Kind);
    }

    [Fact]
    public void Container_OfAPodWithoutAKnownOwner_HasItsLabelsAndAwaitsTheOwner()
    {
        _directory.Set(Pod(workload: null, ("app", "web")));

        var described = _directory.Describe(Container());

        Assert.True(described.AwaitsOwner, "the owner is not known");
        Assert.Equal("web", described.Pod!.Labels["app"]);
    }

    [Fact]
    public void Container_OfAKnownPod_HasItsWorkload()
    {
        _directory.Set(Pod(workload: null));
        _directory.Resolve(Pod(null).Key, Web);

        var described = _directory.Describe(Container());

        Assert.False(described.AwaitsOwner, "the owner is known");
        Assert.Equal(Web.Key, described.Workload);
    }

    [Fact]
    public void Workload_StaysKnown_WhenThePodChangesBeforeItsOwnerIsAskedForAgain()
    {
        _directory.Set(Pod(Web));
        _directory.Set(Pod(workload: null, ("app", "other")));

        var described = _directory.Describe(Container());

        Assert.Equal(Web.Key, described.Workload);
        Assert.Equal("other", described.Pod!.Labels["app"]);
    }

    [Fact]
    public void Version_Grows_OnlyWhenAnAnswerChanges()
    {
        _directory.Set(Pod(Web, ("app", "web")));
        var known = _directory.Version;

        _directory.Set(Pod(Web, ("app", "web")));
        Assert.Equal(known, _directory.Version);

        _directory.Set(Pod(Web, ("app", "shop")));
        Assert.True(_directory.Version > known, "its labels have changed");
    }

    [Fact]
    public async Task Change_EndsTheWait()
    {
        var wait = _directory.ChangedAsync(_directory.Version, TestContext.Current.CancellationToken);
        Assert.False(wait.IsCompleted, "nothing has changed");

        _directory.Set(Pod(Web));

        await wait.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Container_OfAPodTheApiServerDoesNotHave_IsAWorkloadOfItsOwnAfterAWhile()
    {
        _directory.Listed();
        var container = Container();
        Assert.True(_directory.Describe(container).AwaitsOwner, "the news of its pod may be late");

        _time.Advance(PodDirectory.Patience);

        Assert.False(_directory.Describe(container).AwaitsOwner, "its pod will not come");
    }

    [Fact]
    public void Container_OfAPodTheApiServerDoesNotHave_WaitsForAsLongAsNothingWasListed()
    {
        var container = Container();
        _time.Advance(TimeSpan.FromHours(5));

        Assert.True(_directory.Describe(container).AwaitsOwner, "nobody has asked the API server");
    }

    [Fact]
    public void Pod_ThatClaimsTheUidOfAnother_ChangesNothingOfThat()
    {
        _directory.Set(Pod(Web, ("app", "web")));
        var claiming = Pod(workload: null, ("app", "mine")) with { Namespace = "elsewhere", Name = "x", Workload = Web with { Key = new WorkloadKey("elsewhere", "Pod", "x") } };

        _directory.Set(claiming);
        Assert.Equal((Web.Key, "web"), (_directory.Describe(Container()).Workload, _directory.Describe(Container()).Pod!.Labels["app"]));

        _directory.Gone(claiming.Key);
        _time.Advance(PodDirectory.Remembered + TimeSpan.FromSeconds(1));
        _directory.Set(claiming with { Uid = "uid-2" });
        Assert.Equal(Web.Key, _directory.Describe(Container()).Workload);
    }

    [Fact]
    public void Pod_ThatIsGone_IsRememberedForAWhile()
    {
        _directory.Set(Pod(Web));
        _directory.Gone(Pod(null).Key);
        _time.Advance(PodDirectory.Remembered);
        _directory.Gone(new PodKey("another", "shop", "web-2"));
        Assert.Equal(Web.Key, _directory.Describe(Container()).Workload);

        _time.Advance(TimeSpan.FromSeconds(1));
        _directory.Gone(new PodKey("another", "shop", "web-2"));

        Assert.Equal("Pod", _directory.Describe(Container()).Workload.Kind);
    }

    private static KnownPod Pod(Workload? workload, params (string Key, string Value)[] labels) =>
        new("uid-1", "shop", "web-1", labels.ToDictionary(static label => label.Key, static label => label.Value), workload);

    private ContainerDescription Container() => new()
    {
        Id = "c1",
        Name = "app",
        Runtime = "containerd",
        Node = "node-1",
        Workload = new WorkloadKey("shop", "Pod", "web-1"),
        Pod = new PodDescription { Name = "web-1", Namespace = "shop", Uid = "uid-1" },
        Origin = ContainerOrigin.Started,
        SeenAt = _time.GetUtcNow(),
        CgroupId = 1,
        CgroupPath = "/c1",
        Revision = "r1",
    };
}
