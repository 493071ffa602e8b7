using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Deviations;
using KubeCop.Core.Rules.Wording;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Host.Http;
using KubeCop.Testing;
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

    /// <summary>Also where neither the program nor the data directory is the usual one, whatever is in their names.</summary>
    [Fact]
    public async Task Fix_OfASiloElsewhere_NamesItAndWorks()
    {
        using var directory = new TestDirectory();
        var program = directory.Combine("it's kubecop");
        File.CreateSymbolicLink(program, CommandLine.Program);
        var data = directory.Combine("-data $(trap)");
        Directory.CreateSymbolicLink(data, node.DataDirectory);
        var (container, workload) = await StartAsync("fix-elsewhere");
        var context = new RuleContext(container, Compiled((await workload.GetProfileAsync())!), Command: new SiloCommand(ShellText.Quote(program), data));
        var fix = Deviation.FixOf(Sample.Exec("/bin/x", args: ["x", "-a"]), context);

        Assert.StartsWith($"'{directory.Path}/it'\\''s kubecop' profiles allow default/container-fix-elsewhere", fix, StringComparison.Ordinal);
        await PasteAsync(fix, dataDirectory: null);
        Assert.Null(await FindingAsync(workload, container, "/bin/x", ["x", "-b"]));
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

    /// <summary>Whatever an argument holds, and only for that.</summary>
    [Fact]
    public async Task FixOfArguments_Pasted_AllowsThemAndNoOthers()
    {
        string[] arguments = ["/bin/known", "-c", "", "@file", "--arg=x", "word", "it's $(trap)\n"];
        var (container, workload) = await StartAsync("fix-arguments");
        await workload.AllowAsync(container.Name, Deviation.Known);

        await PasteAsync((await FindingAsync(workload, container, "/bin/known", arguments))!.Fix);

        Assert.Null(await FindingAsync(workload, container, "/bin/known", arguments));
        Assert.NotNull(await FindingAsync(workload, container, "/bin/known", [.. arguments, "more"]));
    }

    [Fact]
    public async Task FixOfAProgram_Pasted_AllowsItWithAnyArguments()
    {
        var (container, workload) = await StartAsync("fix-program");
        await PasteAsync(Deviation.FixOf(Sample.Exec("/bin/x", args: ["x", "-a"]), new RuleContext(container, Compiled((await workload.GetProfileAsync())!))));
        Assert.Null(await FindingAsync(workload, container, "/bin/x", ["x", "-b"]));
    }

    /// <summary>They cannot be typed by who does not see them.</summary>
    [Fact]
    public async Task FixOfArgumentsThatAreHidden_Pasted_AllowsTheProgramWithAnyArguments()
    {
        string[] arguments = ["/bin/known", "--password=hunter2"];
        var (container, workload) = await StartAsync("fix-hidden");
        await workload.AllowAsync(container.Name, Deviation.Known);
        var found = (await FindingAsync(workload, container, "/bin/known", arguments))!;
        var shown = Sample.Exec("/bin/known", args: ["/bin/known", "--password=***"]);
        var context = new RuleContext(container, Compiled((await workload.GetProfileAsync())!));

        await PasteAsync(UnexpectedArguments.Type.Create(RuleArguments.Default).Retell(found, shown, context).Fix);

        Assert.Null(await FindingAsync(workload, container, "/bin/known", arguments));
        Assert.Null(await FindingAsync(workload, container, "/bin/known", ["/bin/known", "-y"]));
    }

    private static async Task<Finding?> FindingAsync(IWorkloadGrain workload, ContainerDescription container, string path, string[] arguments) =>
        UnexpectedArguments.Type.Create(RuleArguments.Default)
            .Evaluate(Sample.Exec(path, args: arguments), new RuleContext(container, Compiled((await workload.GetProfileAsync())!)));

    private async Task<(ContainerDescription Container, IWorkloadGrain Workload)> StartAsync(string name)
    {
        var container = await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, name, "/bin/a");
        return (container, node.Grains.GetGrain<IWorkloadGrain>(container.Workload.GrainKey));
    }

    private Task PasteAsync(string command) => PasteAsync(command, node.DataDirectory);

    private static async Task PasteAsync(string command, string? dataDirectory)
    {
        var start = new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardError = true };
        start.Environment["PATH"] = $"{AppContext.BaseDirectory}:{Environment.GetEnvironmentVariable("PATH")}";
        if (dataDirectory is not null)
        {
            start.Environment["KubeCop__Node__DataDirectory"] = dataDirectory;
        }

        start.Environment.Remove("KUBECOP_HTTP");
        using var bash = Process.Start(start)!;
        var error = await bash.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bash.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(bash.ExitCode == 0, $"{command}: {error}");
    }
}
