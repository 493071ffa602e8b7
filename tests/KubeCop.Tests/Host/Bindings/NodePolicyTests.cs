using System.Text.Json.Nodes;
using KubeCop.Core.Bindings;
using KubeCop.Host.Bindings;
using KubeCop.Testing;
using KubeCop.Testing.Storage;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Host.Bindings;

public sealed class NodePolicyTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private long _sequence;

    private PolicyFile File => new(_directory.Path);

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task NothingIsKnown_DefaultBindingIsInForce()
    {
        var (policy, bindings) = await LoadAsync();
        Assert.Equal("default", policy.Name);
        Assert.Equal(DefaultBinding.Rules.Rules.Count, bindings.Rules.Rules.Rules.Count);

        policy.Take(new PolicyReport(null, "the server could not find the requested resource"));
        await FollowAsync(bindings);
        Assert.Equal("default", bindings.Rules.InForce!.Source);
        Assert.Contains("could not find", policy.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Policy_IsInForceInsteadOfTheDefault()
    {
        var (policy, bindings) = await LoadAsync();
        Give(policy, Binding("a", "R0001"), Binding("a", "R0002", "shop"));
        await FollowAsync(bindings);
        Assert.Equal("a R0001, shop/a R0002", InForce(bindings));
        Assert.Equal("kubernetes", bindings.Rules.InForce!.Source);
        Assert.Null(bindings.Refusal);
    }

    [Fact]
    public async Task NoBindings_AreNoRules()
    {
        var (policy, bindings) = await LoadAsync();
        Give(policy);
        await FollowAsync(bindings);
        Assert.Empty(bindings.Rules.Rules.Rules);
        Assert.Empty(bindings.Rules.InForce!.Bindings);
        Assert.Null(bindings.Refusal);
    }

    [Fact]
    public async Task BadBinding_IsLeftOutByItself()
    {
        var (policy, bindings) = await LoadAsync();
        Give(policy, Binding("good", "R0001"), Binding("bad", "R0O02", "shop"));
        await FollowAsync(bindings);
        Assert.Equal("good R0001", InForce(bindings));
        Assert.False(bindings.Refusal!.IsWhole, "The others are in force.");
        Assert.Equal(
            "RuntimeRuleAlertBinding shop/bad: binding bad, spec.rules[0].ruleID: there is no rule ID 'R0O02'; the nearest is 'R0002' (until that is corrected it is not in force)",
            Assert.Single(bindings.Refusal.Errors).ToString());
    }

    [Fact]
    public async Task BindingBecomesBad_WhatItSaidBeforeStaysInForceUntilItIsCorrectedOrDeleted()
    {
        var (policy, bindings) = await LoadAsync();
        Give(policy, Binding("x", "R0001"), Binding("y", "R0003"));
        await FollowAsync(bindings);

        Give(policy, Binding("x", "R0O01"), Binding("y", "R0004"));
        await FollowAsync(bindings);
        Assert.Equal("x R0001, y R0004", InForce(bindings));
        Assert.Contains("what it said before stays in force", Assert.Single(bindings.Refusal!.Errors).Message, StringComparison.Ordinal);

        Give(policy, Binding("x", "nothing either"), Binding("y", "R0004"));
        await FollowAsync(bindings);
        Assert.Equal("x R0001, y R0004", InForce(bindings));

        Give(policy, Binding("x", "R0002"), Binding("y", "R0004"));
        await FollowAsync(bindings);
        Assert.Equal("x R0002, y R0004", InForce(bindings));
        Assert.Null(bindings.Refusal);

        Give(policy, Binding("x", "R0O02"), Binding("y", "R0004"));
        await FollowAsync(bindings);
        Give(policy, Binding("y", "R0004"));
        await FollowAsync(bindings);
        Assert.Equal("y R0004", InForce(bindings));

        Give(policy, Binding("x", "R0O02"), Binding("y", "R0004"));
        await FollowAsync(bindings);
        Assert.Equal("y R0004", InForce(bindings));
    }

    [Fact]
    public async Task Restart_WhatWasInForceStillIs()
    {
        var (policy, bindings) = await LoadAsync();
        Give(policy, Binding("x", "R0001"), Binding("y", "R0003"));
        await FollowAsync(bindings);
        var given = Give(policy, Binding("x", "R0O01"), Binding("y", "R0004"));
        await FollowAsync(bindings);
        Assert.NotNull(policy.Applied);
        File.Save(policy.Applied);

        var (again, after) = await LoadAsync();
        Assert.Equal("x R0001, y R0004", InForce(after));
        Assert.Equal("kubernetes", again.Name);
        Assert.Equal(given.Version, ((IPolicySink)again).Version);
        Assert.False(after.Refusal!.IsWhole, "It is said again.");
        Assert.Equal("payments", ((INamespaceLabels)again).Of("shop")["team"]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"version\":1")]
    [InlineData("{\"version\":2,\"sequence\":1,\"bindings\":[],\"heldBack\":[],\"namespaces\":null}")]
    [InlineData("{\"version\":1,\"sequence\":1,\"bindings\":null,\"heldBack\":[],\"namespaces\":null}")]
    [InlineData("{\"version\":1,\"sequence\":1,\"bindings\":[{\"namespace\":\"\",\"name\":null,\"json\":\"{}\"}],\"heldBack\":[],\"namespaces\":null}")]
    public async Task DamagedFile_IsAsNoneAndSaysWhy(string content)
    {
        System.IO.File.WriteAllText(File.Path, content);
        var file = File;
        Assert.Null(file.Load());
        Assert.NotNull(file.Damage);
        var (policy, _) = await LoadAsync();
        Assert.Equal("default", policy.Name);
    }

    /// <summary>Whoever can write it could as well stop the node; but nothing in it may keep it from starting.</summary>
    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("\"\\ud800\"")]
    [InlineData("{\"a\":1,\"a\":2}")]
    [InlineData("{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[]}")]
    [InlineData("""{"apiVersion":"kubescape.io/v1","kind":"RuntimeRuleAlertBinding","metadata":{"name":"good"},"spec":{"rules":[{"ruleID":"R0002"}]}}""")]
    public async Task ObjectThatIsNone_IsLeftOut(string json)
    {
        var (policy, bindings) = await LoadAsync();
        Give(policy, Binding("good", "R0001"), new PolicyBinding("", "bad", json));
        await FollowAsync(bindings);
        File.Save(policy.Applied!);
        Assert.Equal("good R0001", InForce(bindings));
        Assert.NotEmpty(bindings.Refusal!.Errors);

        var (_, after) = await LoadAsync();
        Assert.Equal("good R0001", InForce(after));
    }

    [Fact]
    public async Task DeepObject_IsLeftOut()
    {
        var (policy, bindings) = await LoadAsync();
        Give(policy, new PolicyBinding("", "deep", new string('[', BindingLimits.Depth + 1) + new string(']', BindingLimits.Depth + 1)));
        await FollowAsync(bindings);
        Assert.Contains("cannot be read", Assert.Single(bindings.Refusal!.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Labels_ChangeWithoutTheBindings()
    {
        var (policy, bindings) = await LoadAsync();
        INamespaceLabels labels = policy;
        Give(policy, Binding("a", "R0001"));
        await FollowAsync(bindings);
        var (applied, version) = (bindings.Accepted, labels.Version);
        var changed = labels.ChangedAsync(version, TestContext.Current.CancellationToken);
        Assert.Equal("payments", labels.Of("shop")["team"]);
        Assert.Equal("shop", labels.Of("shop")[NamespaceNames.NameLabel]);
        Assert.Equal("other", Assert.Single(labels.Of("other")).Value);

        Give(policy, Binding("a", "R0001"));
        Assert.Equal(version, labels.Version);
        Assert.False(changed.IsCompleted, "No label changed.");

        var other = Policy.Of([Binding("a", "R0001")], [new("shop", new Dictionary<string, string> { ["team"] = "orders" })]);
        policy.Take(new PolicyReport(other with { Version = other.Version with { Sequence = ++_sequence } }, null));
        await changed;
        Assert.Equal(version + 1, labels.Version);
        Assert.Equal("orders", labels.Of("shop")["team"]);
        await FollowAsync(bindings);
        Assert.Equal(applied, bindings.Accepted);
    }

    [Fact]
    public async Task BindingsLeftOutForSize_AreSaid()
    {
        var (policy, bindings) = await LoadAsync();
        policy.Take(new PolicyReport(Policy.Of([Binding("a", "R0001"), new("", "b", new string(' ', BindingLimits.Bytes))], null), null));
        await FollowAsync(bindings);
        Assert.Equal("a R0001", InForce(bindings));
        Assert.StartsWith("kubernetes: 1 bindings are left out", Assert.Single(bindings.Refusal!.Errors).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Service_SavesWhatCameIntoForceAndTellsOfAFullDiskOnce()
    {
        var (policy, bindings) = await LoadAsync();
        var (log, time) = (new List<string>(), new FakeTimeProvider());
        var file = File;
        Directory.CreateDirectory(file.Path + ".new");
        using var service = new PolicyService(policy, file, time, new WarningLog<PolicyService>(log));
        await service.StartAsync(TestContext.Current.CancellationToken);
        Give(policy, Binding("a", "R0001"));
        await FollowAsync(bindings);
        await Wait.UntilAsync(() => log.ToArray(), static log => log.Length > 0, "a warning that it cannot be written");
        Assert.Contains(file.Path, Assert.Single(log), StringComparison.Ordinal);

        Directory.Delete(file.Path + ".new");
        await Wait.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(10));
                return new PolicyFile(_directory.Path).Load()?.Policy.Version.Sequence;
            },
            static sequence => sequence == 1,
            "a saved policy");
        Assert.Single(log);
        await service.StopAsync(TestContext.Current.CancellationToken);
    }

    private static PolicyBinding Binding(string name, string rule, string ns = "")
    {
        var metadata = new JsonObject { ["name"] = name };
        if (ns.Length > 0)
        {
            metadata["namespace"] = ns;
        }

        return new PolicyBinding(ns, name, new JsonObject
        {
            ["apiVersion"] = BindingReader.ApiVersion,
            ["kind"] = BindingReader.Kind,
            ["metadata"] = metadata,
            ["spec"] = new JsonObject { ["rules"] = new JsonArray(new JsonObject { ["ruleID"] = rule }) },
        }.ToJsonString());
    }

    private static string InForce(NodeBindings bindings) => string.Join(", ", bindings.Rules.InForce!.Bindings
        .Select(static binding => $"{binding.FullName} {string.Join('+', binding.Rules.Select(static setting => setting.Rule.Descriptor.Id))}").Order(StringComparer.Ordinal));

    private async Task<(NodePolicy Policy, NodeBindings Bindings)> LoadAsync()
    {
        var policy = new NodePolicy(File.Load());
        var bindings = new NodeBindings(policy, TimeProvider.System);
        await bindings.LoadAsync(TestContext.Current.CancellationToken);
        return (policy, bindings);
    }

    private Policy Give(NodePolicy policy, params PolicyBinding[] bindings)
    {
        var given = Policy.Of(bindings, [new("shop", new Dictionary<string, string> { ["team"] = "payments" })]);
        given = given with { Version = given.Version with { Sequence = ++_sequence } };
        policy.Take(new PolicyReport(given, null));
        return given;
    }

    /// <summary>Until everything that was given is in force.</summary>
    private static async Task FollowAsync(NodeBindings bindings)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var before = bindings.Policy!.Applied;
        var given = ((IPolicySink)bindings.Policy).Version;
        var following = bindings.FollowAsync(static _ => Task.CompletedTask, stop.Token);
        if (given is not null)
        {
            await Wait.UntilAsync(() => bindings.Policy.Applied, applied => applied is not null && !ReferenceEquals(applied, before) && applied.Policy.Version == given, "the policy in force");
        }

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => following);
    }
}
