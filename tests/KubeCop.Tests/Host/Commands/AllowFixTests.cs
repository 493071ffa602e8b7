using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Wording;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Host.Http;
using KubeCop.Tests.Core;
using KubeCop.Tests.Core.Rules;
using KubeCop.Tests.Host.Node;

namespace KubeCop.Tests.Host.Commands;

/// <summary>The fix of an alert outside of a cluster, pasted into a shell, makes the profile know what the alert was about, and nothing else.</summary>
public sealed class AllowFixTests(NodeHostFixture node) : IClassFixture<NodeHostFixture>
{
    public static TheoryData<string> Names => new(Deviation.Events.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Fix_Pasted_AllowsWhatWasFoundAndNothingElse(string name)
    {
        var sensorEvent = Deviation.Events[name];
        var container = await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, $"fix-{name.Replace(' ', '-')}", "/bin/a");
        var workload = node.Grains.GetGrain<IWorkloadGrain>(container.Workload.GrainKey);
        await workload.AllowAsync(container.Name, Deviation.Known);
        var before = (await workload.GetProfileAsync())!;
        var fix = Deviation.FixOf(sensorEvent, new RuleContext(container, Compiled(before), sensorEvent.Network?.Address));

        await PasteAsync(fix);

        var after = (await workload.GetProfileAsync())!;
        Assert.Empty(Deviation.CoveredBy(Compiled(before)));
        Assert.Equal([name], Deviation.CoveredBy(Compiled(after)));
        AssertOneEntryMore(Sections(before), Sections(after));
    }

    [Fact]
    public async Task Fix_ForAPortThatOthersReach_AllowsIt()
    {
        var container = await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "fix-incoming", "/bin/a");
        var workload = node.Grains.GetGrain<IWorkloadGrain>(container.Workload.GrainKey);
        var listen = Sample.Network(NetworkAction.Listen, "tcp", "0.0.0.0", 8080);

        await PasteAsync(AllowCommand.ForConnection(new RuleContext(container, Sample.Profile()), listen.Network!));

        Assert.True(Compiled((await workload.GetProfileAsync())!).Covers(listen));
    }

    private static CompiledProfile Compiled(ApplicationProfile profile) => new(Assert.Single(profile.Containers));

    private static JsonObject Sections(ApplicationProfile profile) =>
        JsonSerializer.SerializeToNode(ContainerProfileView.Of(Assert.Single(profile.Containers)))!.AsObject();

    /// <summary>One entry of one list is new or holds more than before; the rest is the same.</summary>
    private static void AssertOneEntryMore(JsonObject before, JsonObject after)
    {
        var (lost, gained) = (new List<string>(), new List<string>());
        Compare("", before, after);
        Assert.True(gained.Count == 1 && lost.Count <= 1, $"Gone: {string.Join("; ", lost)}. New: {string.Join("; ", gained)}.");

        void Compare(string name, JsonNode? was, JsonNode? now)
        {
            if (was is JsonObject wasObject && now is JsonObject nowObject)
            {
                foreach (var key in wasObject.Select(static pair => pair.Key).Union(nowObject.Select(static pair => pair.Key)).ToList())
                {
                    Compare($"{name}/{key}", wasObject[key], nowObject[key]);
                }
            }
            else if (was is JsonArray wasArray && now is JsonArray nowArray)
            {
                var (wasItems, nowItems) = (Items(wasArray), Items(nowArray));
                lost.AddRange(wasItems.Except(nowItems).Select(item => $"{name} {item}"));
                gained.AddRange(nowItems.Except(wasItems).Select(item => $"{name} {item}"));
            }
            else if (!JsonNode.DeepEquals(was, now))
            {
                Assert.Fail($"{name} was {was?.ToJsonString()} and is {now?.ToJsonString()}.");
            }
        }

        static List<string> Items(JsonArray array) => [.. array.Select(static item => item?.ToJsonString() ?? "null")];
    }

    private async Task PasteAsync(string command)
    {
        var start = new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardError = true };
        start.Environment["PATH"] = $"{AppContext.BaseDirectory}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["KubeCop__Node__DataDirectory"] = node.DataDirectory;
        start.Environment.Remove("KUBECOP_HTTP");
        using var bash = Process.Start(start)!;
        var error = await bash.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bash.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(bash.ExitCode == 0, $"{command}: {error}");
    }
}
