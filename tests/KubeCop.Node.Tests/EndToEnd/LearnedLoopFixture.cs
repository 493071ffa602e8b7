using System.Diagnostics;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>A running kubecop and two containers with the same loop, learned: one is left alone, the other is attacked.</summary>
public sealed class LearnedLoopFixture(ContainerdFixture containerd) : IAsyncLifetime
{
    public static readonly TimeSpan LearningPeriod = TimeSpan.FromSeconds(10);

    private KubeCopProcess? _kubecop;
    private ContainerdContainer? _quiet;
    private ContainerdContainer? _attacked;
    private ProfileView? _profile;

    public KubeCopProcess KubeCop => _kubecop!;

    /// <summary>Does nothing but its loop.</summary>
    public ContainerdContainer Quiet => _quiet!;

    public ContainerdContainer Attacked => _attacked!;

    /// <summary>The quiet container's profile when it had just become final.</summary>
    public ProfileView Profile => _profile!;

    /// <summary>From the start of the quiet container until its profile was seen final.</summary>
    public TimeSpan LearnedAfter { get; private set; }

    public async ValueTask InitializeAsync()
    {
        if (Machine.MissingForContainers is not null)
        {
            return;
        }

        _kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot, LearningPeriod = $"{LearningPeriod.TotalSeconds}s" });
        var watch = Stopwatch.StartNew();
        _quiet = await LoopContainer.StartAsync(containerd);
        _attacked = await LoopContainer.StartAsync(containerd);
        _profile = await FinalAsync(_quiet);
        LearnedAfter = watch.Elapsed;
        await FinalAsync(_attacked);

        Task<ProfileView> FinalAsync(ContainerdContainer container) => _kubecop.WaitForProfileAsync(
            container.Namespace, container.Id, static profile => profile.State == "final", $"final profile of container {container.Id}");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var resource in new IAsyncDisposable?[] { _quiet, _attacked, _kubecop })
        {
            if (resource is not null)
            {
                await resource.DisposeAsync();
            }
        }
    }
}
