using k8s;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Watching;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Kubernetes.Watching;

/// <summary>When a watch counts as one that sees changes again.</summary>
public sealed class WatchRecoveryTests
{
    [Fact]
    public async Task Failure_IsOver_WhenTheServerLetsTheWatchBeginAndNothingChanges()
    {
        // Bookmarks would tell the same, a minute later.
        await using var api = await EmulatedApi.StartAsync(new ApiServerOptions { BookmarkPeriod = TimeSpan.FromHours(1) });
        var watch = new ObjectWatch(api.Client, new ObjectSelection(ApiResource.Pods), new Target(), TimeProvider.System, NullLogger.Instance);
        using var end = new CancellationTokenSource();
        var running = watch.RunAsync(end.Token);
        await Wait.UntilAsync(api.Server.Watches, static watches => watches.Count == 1, "watch of pods");

        using (api.Server.Inject(new Fault(static request => request.Verb == "watch") { Status = 503 }))
        {
            api.Server.Inject(new Fault(static request => request.Verb == "watch") { Cuts = true }).Dispose();
            await Wait.UntilAsync(() => watch.Failure, static failure => failure is not null, "failure of the watch");
        }

        await Wait.UntilAsync(() => watch.Failure, static failure => failure is null, "end of the failure");
        await end.CancelAsync();
        await running;
    }

    private sealed class Target : IObjectTarget
    {
        public void Replace(IReadOnlyList<ApiObject> objects)
        {
        }

        public void Apply(WatchEventType type, ApiObject changed)
        {
        }
    }
}
