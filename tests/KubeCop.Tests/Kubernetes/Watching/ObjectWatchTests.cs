using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using k8s;
using KubeCop.Core;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Watching;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Kubernetes.Watching;

/// <summary>What lasts for hours.</summary>
public sealed class ObjectWatchTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly CancellationTokenSource _end = new();
    private readonly Target _target = new();
    private ApiServer _server = null!;
    private k8s.Kubernetes _client = null!;
    private Task _running = Task.CompletedTask;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        _client = new k8s.Kubernetes(_server.ClientConfiguration());
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running;
        _client.Dispose();
        _end.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Outage_OfHours_IsTriedWithinBounds_AndEndsWithTheNextTry()
    {
        var clock = new PauseClock(Start, TimeSpan.FromMinutes(2));
        var fault = _server.Inject(new Fault(static request => request.Resource == "pods") { Status = 503 });
        Run(clock);
        var pauses = new List<TimeSpan>();
        while (clock.GetUtcNow() - Start < TimeSpan.FromHours(8))
        {
            pauses.Add(await clock.PassAsync());
        }

        Assert.InRange(pauses[0], TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(1));
        Assert.All(pauses.Skip(6), static pause => Assert.InRange(pause, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1)));
        Assert.InRange(_server.Requests().Sum(static request => request.Requests), pauses.Count, pauses.Count + 1);
        Assert.NotNull(Assert.Single(_target.Failures));

        // A try may be under way, which is answered then.
        var (made, back) = (clock.GetUtcNow(), Wait.UntilAsync(() => _target.Names, static names => names.Contains("late"), "what was made meanwhile"));
        Apply("late");
        fault.Dispose();
        await clock.PassUntilAsync(back);
        await back;
        Assert.InRange(clock.GetUtcNow() - made, TimeSpan.Zero, TimeSpan.FromMinutes(1));
        Assert.Null((await Wait.UntilAsync(() => _target.Failures.ToList(), static failures => failures.Count == 2, "the end of the failure"))[1]);
    }

    [Fact]
    public async Task Server_ThatAsksToWaitForADay_IsAskedAgainWithinMinutes()
    {
        var clock = new PauseClock(Start, TimeSpan.FromDays(2));
        using var fault = _server.Inject(new Fault(static request => request.Resource == "pods") { Status = 429, RetryAfterSeconds = 86_400 });
        Run(clock, timeout: TimeSpan.FromDays(3));

        Assert.InRange(await clock.PassAsync(), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(6));
        Assert.InRange(await clock.PassAsync(), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(6));
    }

    [Fact]
    public void Pause_AskedForByAClockThatIsWrong_IsNeitherLongNorNone()
    {
        var pause = new RetryPause(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));

        Assert.InRange(pause.Next(TimeSpan.FromHours(-3)), TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(1));
        Assert.InRange(pause.Next(TimeSpan.FromHours(3)), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(6));
    }

    [Fact]
    public async Task Watch_ThatIsCutAtOnceEachTime_IsNotBegunInACircle()
    {
        var clock = new PauseClock(Start, TimeSpan.FromMinutes(2));
        using var fault = _server.Inject(new Fault(static request => request is { Verb: "watch", Resource: "pods" }) { Cuts = true });
        Run(clock);
        var pauses = new List<TimeSpan>();
        for (var count = 0; count < 20; count++)
        {
            pauses.Add(await clock.PassAsync());
        }

        Assert.All(pauses.Skip(6), static pause => Assert.InRange(pause, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(1)));
        Assert.Equal(1, _server.Requests().Where(static request => request is { Verb: "list", Resource: "pods" }).Sum(static request => request.Requests));
    }

    private void Run(TimeProvider time, TimeSpan? timeout = null)
    {
        var api = new ApiClient(_client, timeout ?? TimeSpan.FromHours(1), time);
        _running = Task.Run(() => new ObjectWatch(api, new ObjectSelection(ApiResource.Pods, MetadataOnly: true), _target, time, NullLogger.Instance).RunAsync(_end.Token));
    }

    private void Apply(string name) => _server.Apply(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new JsonObject { ["name"] = name },
        ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "app", ["image"] = "app" }) },
    });

    private sealed class Target : IObjectTarget
    {
        public ConcurrentQueue<string?> Failures { get; } = new();

        public ConcurrentBag<string> Names { get; } = [];

        public void Replace(IReadOnlyList<ApiObject> objects)
        {
            foreach (var there in objects)
            {
                Names.Add(there.Metadata.Name);
            }
        }

        public void Apply(WatchEventType type, ApiObject changed) => Names.Add(changed.Metadata.Name);

        public void FailureChanged(ApiException? failure) => Failures.Enqueue(failure?.Message);
    }
}
