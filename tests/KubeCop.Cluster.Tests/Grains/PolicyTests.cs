using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using KubeCop.Core.Bindings;
using KubeCop.Grains;
using KubeCop.Grains.Abstractions.Policies;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Policies;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Cluster.Tests.Grains;

/// <summary>One grain reads the policy, every silo has it.</summary>
public sealed class PolicyTests
{
    private const string Storage = "policy";

    private static readonly GrainId Grain = GrainId.Create(GrainType.Create("policy"), IPolicyGrain.Key);

    [Fact]
    public async Task Policy_ReachesEverySiloAtOnce_ReadByOne()
    {
        var api = new FakeApi("a");
        await using var cluster = await StartAsync(api, silos: 3);
        await cluster.UntilAsync(() => api.Sinks.Count == 3 && api.Sinks.Values.All(static sink => sink.Names == "a"), "the first policy on all three");
        Assert.Equal(1, api.Readers);

        // No time passes for the grains: nobody asks, everybody is told.
        api.Give("a", "b");
        await UntilAllHaveAsync(api, "a b");
        api.Fail("forbidden");
        await Wait.UntilAsync(() => api.Sinks.Values.Select(static sink => sink.Failure).ToArray(), static failures => failures.All(static failure => failure == "forbidden"), "the failure on all");
        api.Give();
        await UntilAllHaveAsync(api, "");
        Assert.All(api.Sinks.Values, static sink => Assert.Null(sink.Failure));
        Assert.Single(api.Sinks.Values.Select(static sink => sink.Version).Distinct());
        Assert.Equal(1, api.Readers);

        await cluster.PassAsync(TimeSpan.FromMinutes(3));
        Assert.Equal(1, api.Readers);
        api.Give("c");
        await UntilAllHaveAsync(api, "c");
    }

    [Fact]
    public async Task SiloOfTheGrain_IsLost_AnotherReads()
    {
        var api = new FakeApi("a");
        await using var cluster = await StartAsync(api, silos: 3);
        await cluster.UntilAsync(() => api.Sinks.Count == 3 && api.Sinks.Values.All(static sink => sink.Names == "a"), "the first policy on all three");
        var lost = api.ReadingSilo;
        await cluster.Silos.KillSiloAsync(cluster.Silos.Silos.Single(silo => silo.Name == lost), TestContext.Current.CancellationToken);
        api.Sinks.TryRemove(lost, out _);

        await cluster.UntilAsync(() => api.HasReaderBesides(lost), "another silo reads");
        api.Give("b");
        await cluster.UntilAsync(() => api.Sinks.Values.All(static sink => sink.Names == "b"), "the new policy on both that are left");
    }

    [Fact]
    public async Task SiloOfTheGrain_Stops_AnotherReadsBeforeAnybodyWouldHaveAsked()
    {
        var api = new FakeApi("a");
        await using var cluster = await StartAsync(api, silos: 3);
        await cluster.UntilAsync(() => api.Sinks.Count == 3 && api.Sinks.Values.All(static sink => sink.Names == "a"), "the first policy on all three");
        var (stopped, before) = (api.ReadingSilo, cluster.Time.GetUtcNow());
        await cluster.Silos.StopSiloAsync(cluster.Silos.Silos.Single(silo => silo.Name == stopped), TestContext.Current.CancellationToken);
        api.Sinks.TryRemove(stopped, out _);

        await Wait.UntilAsync(
            () =>
            {
                cluster.Time.Advance(TimeSpan.FromMilliseconds(5));
                return api.HasReaderBesides(stopped);
            },
            static reads => reads,
            "another silo reads");
        Assert.True(cluster.Time.GetUtcNow() - before < TimeSpan.FromSeconds(6), "Silos ask at once when the grain's silo goes, and not when it is time to compare.");
        Assert.Equal(1, api.Readers);
    }

    [Fact]
    public async Task PushIsLost_ComparingBringsIt()
    {
        var api = new FakeApi("a");
        await using var cluster = await StartAsync(api, silos: 2);
        await cluster.UntilAsync(() => api.Sinks.Count == 2 && api.Sinks.Values.All(static sink => sink.Names == "a"), "the first policy on both");
        api.Sinks.Values.First().Lose();
        await cluster.UntilAsync(() => api.Sinks.Values.All(static sink => sink.Names == "a"), "the policy again");
    }

    [Fact]
    public async Task NodeHasANewerVersionOfALostStorage_TakesTheGrains()
    {
        var api = new FakeApi("a") { Known = new PolicyVersion(100, "another") };
        await using var cluster = await StartAsync(api, silos: 1);
        await cluster.UntilAsync(() => api.Sinks.Values.SingleOrDefault() is { Names: "a", Version.Sequence: 1 }, "the grain's policy");
    }

    [Fact]
    public async Task Lease_RunsOut_ObserverIsToldNothingMore()
    {
        var api = new FakeApi("a");
        await using var cluster = await StartAsync(api, silos: 1);
        await cluster.UntilAsync(() => api.Sinks.Values.SingleOrDefault()?.Names == "a", "the first policy");
        var observer = new Observer();
        var reference = cluster.Grains.CreateObjectReference<IPolicyObserver>(observer);
        var grain = cluster.Grains.GetGrain<IPolicyGrain>(IPolicyGrain.Key);
        Assert.NotNull((await grain.SubscribeAsync(reference, null)).Report.Policy);

        api.Give("b");
        await Wait.UntilAsync(() => observer.Told, static told => told > 0, "news for the observer");
        var told = observer.Told;
        await cluster.PassAsync(PolicySubscription.Lease + TimeSpan.FromSeconds(1));
        api.Give("c");
        await UntilAllHaveAsync(api, "c");
        Assert.Equal(told, observer.Told);
        GC.KeepAlive(observer);
    }

    [Fact]
    public async Task ApiServerIsAwayAtTheStart_StoredPolicyHolds()
    {
        var (storage, api) = (new SharedGrainStorage(), new FakeApi("a"));
        PolicyVersion? before;
        await using (var cluster = await StartAsync(api, silos: 1, storage))
        {
            await cluster.UntilAsync(() => api.Sinks.Values.SingleOrDefault()?.Names == "a", "the first policy");
            before = api.Sinks.Values.Single().Version;
            await cluster.UntilAsync(() => storage.TextOf(Storage, Grain) is not null, "the policy is stored");
        }

        var away = new FakeApi();
        away.Fail("no answer", known: false);
        await using var again = await StartAsync(away, silos: 1, storage);
        await again.UntilAsync(() => away.Sinks.Values.SingleOrDefault() is { Names: "a", Failure: "no answer" }, "the stored policy, and why it may be old");
        Assert.Equal(before, away.Sinks.Values.Single().Version);

        away.Give("a");
        await Wait.UntilAsync(() => away.Sinks.Values.Single().Failure, static failure => failure is null, "no failure any more");
        Assert.Equal(before, away.Sinks.Values.Single().Version);
        away.Give("b");
        await UntilAllHaveAsync(away, "b");
        Assert.Equal(before!.Sequence + 1, away.Sinks.Values.Single().Version!.Sequence);
    }

    [Fact]
    public async Task StorageIsDown_PolicyReachesTheSilosAndIsStoredLater()
    {
        var (storage, api) = (new SharedGrainStorage { IsDown = true }, new FakeApi("a"));
        await using var cluster = await StartAsync(api, silos: 2, storage);
        await cluster.UntilAsync(() => api.Sinks.Count == 2 && api.Sinks.Values.All(static sink => sink.Names == "a"), "the policy on both");
        Assert.Null(storage.TextOf(Storage, Grain));
        storage.IsDown = false;
        await cluster.UntilAsync(() => storage.TextOf(Storage, Grain)?.Contains("\"a\"", StringComparison.Ordinal) == true, "the policy is stored");
    }

    [Fact]
    public async Task AnotherActivationHasStored_SequenceGoesBeyondIt()
    {
        var (storage, api) = (new SharedGrainStorage(), new FakeApi("a"));
        await using var cluster = await StartAsync(api, silos: 2, storage);
        await cluster.UntilAsync(() => storage.TextOf(Storage, Grain)?.Contains("\"Sequence\":1", StringComparison.Ordinal) == true, "the policy is stored");
        storage.Replace(Storage, Grain, storage.TextOf(Storage, Grain)!.Replace("\"Sequence\":1", "\"Sequence\":41", StringComparison.Ordinal));

        api.Give("b");
        await cluster.UntilAsync(() => api.Sinks.Values.All(static sink => sink is { Names: "b", Version.Sequence: 42 }), "a version after the other's on both");
        await cluster.UntilAsync(() => storage.TextOf(Storage, Grain)!.Contains("\"Sequence\":42", StringComparison.Ordinal), "that version stored");
    }

    [Fact]
    public async Task ApiServer_OfManySilos_IsAskedByOne()
    {
        await using var server = await ApiServer.StartAsync();
        server.Apply(Binding("low"));
        var api = new FakeApi();
        await using var cluster = await GrainCluster.StartAsync(3, configure: (name, silo) =>
        {
            silo.Services.AddSingleton<IPolicySource>(new PolicySource(
                new ApiClient(new k8s.Kubernetes(server.ClientConfiguration(server.AddUser(name, AccessRule.Everything))), TimeSpan.FromSeconds(30), TimeProvider.System),
                new KubernetesOptions(),
                TimeProvider.System,
                NullLogger<PolicySource>.Instance));
            silo.FollowPolicy(api.Sinks.GetOrAdd(name, static _ => new RecordingSink(null)));
        });
        await UntilAllSayAsync("low", 3);
        await cluster.Silos.StartAdditionalSiloAsync();
        await UntilAllSayAsync("low", 4);
        server.Apply(Binding("high"));
        await UntilAllSayAsync("high", 4);
        var user = Assert.Single(server.Requests().Select(static request => request.User).Distinct(), static user => user != ApiServer.Admin);
        Assert.Equal(
            ["namespaces list 1", "namespaces watch 1", "runtimerulealertbindings.kubescape.io list 1", "runtimerulealertbindings.kubescape.io watch 1"],
            server.Requests().Where(request => request.User == user).Select(static request => $"{request.Resource} {request.Verb} {request.Requests}").Order(StringComparer.Ordinal));

        await cluster.Silos.KillSiloAsync(cluster.Silos.Silos.Single(silo => silo.Name == user), TestContext.Current.CancellationToken);
        api.Sinks.TryRemove(user, out _);
        await cluster.UntilAsync(() => server.Requests().Any(request => request.Verb == "watch" && request.User != user), "another silo asks");
        server.Apply(Binding("critical"));
        await UntilAllSayAsync("critical", 3);

        Task UntilAllSayAsync(string severity, int silos) => cluster.UntilAsync(
            () => api.Sinks.Count == silos && api.Sinks.Values.All(sink => sink.Text?.Contains($"\"{severity}\"", StringComparison.Ordinal) == true), $"'{severity}' on {silos} silos");

        static string Binding(string severity) => $$"""
            apiVersion: kubescape.io/v1
            kind: RuntimeRuleAlertBinding
            metadata:
              name: a
            spec:
              rules:
              - ruleID: R0001
                severity: {{severity}}
            """;
    }

    private static async Task<GrainCluster> StartAsync(FakeApi api, short silos, SharedGrainStorage? storage = null) => await GrainCluster.StartAsync(
        silos, storage, configure: (name, silo) =>
        {
            silo.Services.AddSingleton<IPolicySource>(new FakeSource(api, name));
            silo.FollowPolicy(api.Sinks.GetOrAdd(name, _ => new RecordingSink(api.Known)));
        });

    private static Task UntilAllHaveAsync(FakeApi api, string names) => Wait.UntilAsync(
        () => api.Sinks.Select(static sink => $"{sink.Key}: {sink.Value.Names}").ToArray(), seen => seen.All(sink => sink.EndsWith($": {names}", StringComparison.Ordinal)), $"'{names}' on all silos");

    /// <summary>What all silos' sources tell, and where what is told comes to.</summary>
    private sealed class FakeApi(params string[] names)
    {
        private readonly ConcurrentDictionary<FakeReader, string> _readers = new();
        private volatile PolicyReport _report = Of(names);

        public ConcurrentDictionary<string, RecordingSink> Sinks { get; } = new();

        /// <summary>What nodes have at the start.</summary>
        public PolicyVersion? Known { get; init; }

        public int Readers => _readers.Count;

        public string ReadingSilo => _readers.Values.Single();

        public bool HasReaderBesides(string silo) => _readers.Values.Any(other => other != silo);

        public void Give(params string[] bindings) => Tell(Of(bindings));

        /// <param name="known">Whether the source has read everything before.</param>
        public void Fail(string failure, bool known = true) => Tell(new PolicyReport(known ? _report.Policy : null, failure));

        public async IAsyncEnumerable<PolicyReport> ReadAsync(string silo, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var reader = new FakeReader();
            _readers[reader] = silo;
            try
            {
                yield return _report;
                await foreach (var report in reader.Reports.Reader.ReadAllAsync(cancellationToken))
                {
                    yield return report;
                }
            }
            finally
            {
                _readers.TryRemove(reader, out _);
            }
        }

        private static PolicyReport Of(string[] names) => new(Policy.Of(names.Select(static name => new PolicyBinding("", name, "{}")), []), null);

        private void Tell(PolicyReport report)
        {
            _report = report;
            foreach (var (reader, _) in _readers)
            {
                reader.Reports.Writer.TryWrite(report);
            }
        }

        private sealed class FakeReader
        {
            public Channel<PolicyReport> Reports { get; } = Channel.CreateUnbounded<PolicyReport>();
        }
    }

    private sealed class FakeSource(FakeApi api, string silo) : IPolicySource
    {
        public IAsyncEnumerable<PolicyReport> WatchAsync(CancellationToken cancellationToken) => api.ReadAsync(silo, cancellationToken);
    }

    private sealed class RecordingSink(PolicyVersion? known) : IPolicySink
    {
        private volatile Policy? _policy;
        private volatile PolicyVersion? _version = known;

        public PolicyVersion? Version => _version;

        public string? Names => _policy is { } policy ? string.Join(' ', policy.Bindings.Select(static binding => binding.Name)) : null;

        /// <summary>Of its first binding.</summary>
        public string? Text => _policy?.Bindings.FirstOrDefault()?.Json;

        public string? Failure { get; private set; }

        public void Take(PolicyReport report)
        {
            Failure = report.Failure;
            if (report.Policy is { } policy)
            {
                (_policy, _version) = (policy, policy.Version);
            }
        }

        /// <summary>As if the last news had not come.</summary>
        public void Lose() => (_policy, _version) = (null, null);
    }

    private sealed class Observer : IPolicyObserver
    {
        private int _told;

        public int Told => Volatile.Read(ref _told);

        public Task PolicyChangedAsync(PolicyReport report)
        {
            Interlocked.Increment(ref _told);
            return Task.CompletedTask;
        }
    }
}
