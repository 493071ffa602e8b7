using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Deviations;
using KubeCop.Core.Rules.Wording;
using KubeCop.Core.Workloads;
using KubeCop.Host.Bindings;
using KubeCop.Host.Commands;
using KubeCop.Host.Http;
using KubeCop.Tests.Core;
using KubeCop.Tests.Core.Rules;
using Microsoft.AspNetCore.JsonPatch.SystemTextJson;
using Microsoft.AspNetCore.JsonPatch.SystemTextJson.Exceptions;

namespace KubeCop.Tests.Host.Commands;

/// <summary>
/// The fix of an alert in a cluster, as a shell takes it apart and an API server applies it to the ApplicationProfile, makes the profile
/// know what the alert was about, and nothing else.
/// </summary>
public sealed class PatchFixTests
{
    private static readonly ContainerDescription InPod = Sample.Container with
    {
        Pod = new PodDescription { Name = "web-1", Namespace = "shop", Labels = new Dictionary<string, string> { ["app"] = "web's" } },
    };

    /// <summary>An ApplicationProfile does not say what a path leads to, so to it these two are one.</summary>
    private const string OtherExecutable = "exec of another executable";

    public static TheoryData<string> Names => new(Deviation.Events.Keys.Where(static name => name != OtherExecutable));

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Fix_Applied_AllowsWhatWasFoundAndNothingElse(string name)
    {
        var sensorEvent = Deviation.Events[name];
        var profile = Profile();
        var before = Resource(profile);
        var fix = Deviation.FixOf(sensorEvent, Context(profile, sensorEvent));

        var arguments = await ArgumentsAsync(fix);
        var after = Apply(arguments[^1], before);

        Assert.Equal(["patch", "applicationprofile", "deployment-web", "--namespace", "shop", "--type", "json", "-p"], arguments[..^1]);
        Assert.Equal([OtherExecutable], Deviation.CoveredBy(Compiled(before)));
        Assert.Equal([name, OtherExecutable], Deviation.CoveredBy(Compiled(after)).OrderBy(static known => known == OtherExecutable));
        AssertOneEntryAdded(before, after);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Fix_AppliedWhenAnotherContainerStandsThere_FailsAndChangesNothing(string name)
    {
        var sensorEvent = Deviation.Events[name];
        var profile = Profile();
        var fix = Deviation.FixOf(sensorEvent, Context(profile, sensorEvent));
        var other = Resource(profile);
        var containers = other["spec"]!["containers"]!.AsArray();
        var first = containers[0]!;
        containers.RemoveAt(0);
        containers.Add(first);
        var before = other.ToJsonString();

        var patch = (await ArgumentsAsync(fix))[^1];

        Assert.Throws<JsonPatchException>(() => JsonSerializer.Deserialize<JsonPatchDocument>(patch)!.ApplyTo(other));
        Assert.Equal(before, other.ToJsonString());
    }

    [Fact]
    public async Task Fix_ForAPortThatOthersReach_AllowsIt()
    {
        var profile = Profile();
        var listen = Sample.Network(NetworkAction.Listen, "tcp", "0.0.0.0", 8080);

        var after = Apply((await ArgumentsAsync(AllowCommand.ForConnection(Context(profile, listen), listen.Network!)))[^1], Resource(profile));

        Assert.True(Compiled(after).Covers(listen));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Fix_SectionIsNotThere_AddsIt(string name)
    {
        var sensorEvent = Deviation.Events[name];
        var section = ProfileSection.Of(sensorEvent.Kind);
        var profile = Profile(ProfileSections.All & ~section);
        var before = Resource(profile);
        Assert.False(before["spec"]!["containers"]![1]!.AsObject().ContainsKey(ProfileSection.Names(section)[0]), "The section is there.");

        // Rules do not judge by it, so they are given one that has it, in the same place.
        var known = new ContainerProfile[] { profile.Containers[0], profile.Containers[1] with { Sections = ProfileSections.All } };
        var withSection = Deviation.FixOf(sensorEvent, Context(profile with { Containers = known }, sensorEvent));
        Assert.Throws<JsonPatchException>(() => Apply(ArgumentsAsync(withSection).Result[^1], before));

        var after = Apply((await ArgumentsAsync(FixWithout(profile, sensorEvent)))[^1], before);
        Assert.Contains(name, Deviation.CoveredBy(Compiled(after)));
    }

    [Fact]
    public async Task FixOfArgumentsThatAreHidden_Applied_AllowsTheProgramWithAnyArguments()
    {
        var rule = UnexpectedArguments.Type.Create(RuleArguments.Default);
        var profile = Profile();
        var given = Sample.Exec("/bin/known", args: ["known", "--password=hunter2"]);
        var context = Context(profile, given);
        var fix = rule.Retell(rule.Evaluate(given, context)!, Sample.Exec("/bin/known", args: ["known", "--password=***"]), context).Fix;

        var after = Compiled(Apply((await ArgumentsAsync(fix))[^1], Resource(profile)));

        Assert.Null(rule.Evaluate(given, context with { Profile = after }));
        Assert.Null(rule.Evaluate(Sample.Exec("/bin/known", args: ["known", "-y"]), context with { Profile = after }));
    }

    [Fact]
    public void Fix_PodWithoutAnApiServer_AsksTheSilo()
    {
        var context = Context(Profile(), Deviation.Events["open"]) with { ApiServer = null };
        Assert.StartsWith("kubecop profiles allow shop/deployment-web --container web --open /etc/shadow", Deviation.FixOf(Deviation.Events["open"], context), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SignatureRule_Fix_BindsTheRuleToAllOtherPods()
    {
        var rule = DefaultBinding.Rules.For(EventKind.Exec).ToArray().Single(static bound => bound.Rule.Descriptor.Id == "R1000").Rule;
        var context = new RuleContext(InPod, null, "10.96.0.1");
        var fix = rule.Evaluate(Sample.Exec("/dev/shm/x"), context)!.Fix;
        var command = fix[fix.IndexOf("printf", StringComparison.Ordinal)..];
        Assert.EndsWith(" | kubectl apply -f -", command, StringComparison.Ordinal);

        // What kubectl would read.
        var list = JsonNode.Parse(await BashAsync(command.Replace("kubectl apply -f -", "cat", StringComparison.Ordinal)))!;

        var bindings = list["items"]!.AsArray().Select(static item => item!["spec"]!).ToList();
        Assert.All(bindings, static spec => Assert.Equal("""[{"ruleID":"R1000"}]""", spec["rules"]!.ToJsonString()));
        Assert.False(IsBound("shop", "web's"), "The rule is still bound to the pod.");
        Assert.True(IsBound("shop", "other"));
        Assert.True(IsBound("bank", "web's"));

        bool IsBound(string inNamespace, string app) => bindings.Any(spec =>
            Matches(spec["namespaceSelector"], "kubernetes.io/metadata.name", inNamespace) && Matches(spec["podSelector"], "app", app));

        static bool Matches(JsonNode? selector, string key, string value) => selector is null || selector["matchExpressions"]!.AsArray().All(expression =>
        {
            Assert.Equal(key, expression!["key"]!.GetValue<string>());
            return expression["values"]!.AsArray().Any(known => known!.GetValue<string>() == value) == (expression["operator"]!.GetValue<string>() == "In");
        });
    }

    [Fact]
    public async Task SignatureRule_PodWithoutAnApiServer_WritesTheBindingsIntoAFile()
    {
        var rule = DefaultBinding.Rules.For(EventKind.Exec).ToArray().Single(static bound => bound.Rule.Descriptor.Id == "R1000").Rule;
        var fix = rule.Evaluate(Sample.Exec("/dev/shm/x"), new RuleContext(InPod, null))!.Fix;
        var start = fix.IndexOf("printf", StringComparison.Ordinal);

        var lines = (await BashAsync(fix[start..fix.IndexOf(" >> FILE", StringComparison.Ordinal)])).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(["---", "---"], [lines[0], lines[2]]);
        Assert.All([lines[1], lines[3]], static line => Assert.Equal("RuntimeRuleAlertBinding", JsonNode.Parse(line)!["kind"]!.GetValue<string>()));
    }

    /// <summary>By the command alone: no rule judges by a section that is not there.</summary>
    private static string FixWithout(ApplicationProfile profile, SensorEvent sensorEvent)
    {
        var context = Context(profile, sensorEvent);
        return sensorEvent.Kind switch
        {
            EventKind.Exec => AllowCommand.ForExec(context, sensorEvent),
            EventKind.Open => AllowCommand.ForOpen(context, sensorEvent.Path, OpenFlags.ToSet(sensorEvent.Value)),
            EventKind.Syscall => AllowCommand.ForSyscall(context, sensorEvent.Path),
            EventKind.Capability => AllowCommand.ForCapability(context, sensorEvent.Capability!),
            EventKind.Dns => AllowCommand.ForDns(context, sensorEvent.Path),
            _ => AllowCommand.ForConnection(context, sensorEvent.Network!),
        };
    }

    private static RuleContext Context(ApplicationProfile profile, SensorEvent sensorEvent) =>
        new(InPod, new CompiledProfile(profile.Containers[1]), sensorEvent.Network?.Address ?? "10.96.0.1");

    /// <summary>Of a pod with two containers; the second is ours.</summary>
    private static ApplicationProfile Profile(ProfileSections sections = ProfileSections.All)
    {
        var profile = Sample.ContainerProfile(Deviation.Known) with { Index = 1, Sections = sections };
        return new ApplicationProfile
        {
            Name = "deployment-web",
            Namespace = "shop",
            Workload = InPod.Workload,
            State = ProfileState.Final,
            RemainingSeconds = 0,
            Revision = profile.Revision,
            Containers = [Sample.ContainerProfile(Deviation.Known) with { Name = "agent" }, profile],
        };
    }

    private static JsonNode Resource(ApplicationProfile profile) => JsonSerializer.SerializeToNode(ProfileYaml.Document(ProfileView.Of(profile)))!;

    private static JsonNode Apply(string patch, JsonNode resource)
    {
        var patched = resource.DeepClone();
        JsonSerializer.Deserialize<JsonPatchDocument>(patch)!.ApplyTo(patched);
        return patched;
    }

    /// <summary>What the resource says of our container.</summary>
    private static CompiledProfile Compiled(JsonNode resource)
    {
        var container = resource["spec"]!["containers"]![1]!;
        var names = container.AsObject().Select(static pair => pair.Key).ToList();
        return new CompiledProfile(new ContainerProfile
        {
            Name = container["name"]!.GetValue<string>(),
            Revision = "r1",
            State = ProfileState.Final,
            Version = 1,
            Generation = 1,
            LearningStartedAt = Sample.Boot,
            CompletesAt = Sample.Boot,
            IsPartial = false,
            Sections = Enum.GetValues<ProfileSections>().Where(section => ProfileSection.Names(section) is [var one] && names.Contains(one)).Aggregate(static (all, one) => all | one),
            Execs = [.. List("execs").Select(static entry => new ExecEntry(Text(entry, "path"), "", [], Sample.Boot))],
            Opens = [.. List("opens").Select(static entry => new OpenEntry(Text(entry, "path"), Texts(entry, "flags"), Sample.Boot))],
            Syscalls = [.. List("syscalls").Select(static entry => new SyscallEntry(entry.GetValue<string>(), Sample.Boot))],
            Capabilities = [.. List("capabilities").Select(static entry => new CapabilityEntry(Text(entry, "syscall"), Texts(entry, "caps"), [], Sample.Boot))],
            Dns = [.. List("dns").Select(static entry => new DnsEntry(Text(entry, "dnsName"), [], Sample.Boot))],
            Incoming = [.. Connections("incoming")],
            Outgoing = [.. Connections("outgoing")],
        });

        IEnumerable<JsonNode> List(string section) => (container[section]?.AsArray() ?? []).Select(static entry => entry!);

        IEnumerable<NetworkEntry> Connections(string direction) => (container["networkActivity"]?[direction]?.AsArray() ?? [])
            .Select(static entry => new NetworkEntry(Text(entry!, "protocol"), entry!["port"]!.GetValue<ushort>(), entry["dstEndpoint"]?.GetValue<string>() ?? "", Sample.Boot));

        static string Text(JsonNode entry, string name) => entry[name]!.GetValue<string>();

        static IReadOnlyList<string> Texts(JsonNode entry, string name) => [.. entry[name]!.AsArray().Select(static text => text!.GetValue<string>())];
    }

    /// <summary>Taking the last entry of one list of our container away again gives what was there before.</summary>
    private static void AssertOneEntryAdded(JsonNode before, JsonNode after)
    {
        var container = after["spec"]!["containers"]![1]!.AsObject();
        var lists = container.Select(static pair => pair.Value).OfType<JsonArray>()
            .Concat(container["networkActivity"]!.AsObject().Select(static pair => pair.Value).OfType<JsonArray>());
        Assert.Single(lists, list =>
        {
            if (list.Count == 0)
            {
                return false;
            }

            var last = list[^1];
            list.RemoveAt(list.Count - 1);
            var isSame = JsonNode.DeepEquals(before, after);
            list.Add(last);
            return isSame;
        });
    }

    /// <summary>What kubectl would be given.</summary>
    private static async Task<string[]> ArgumentsAsync(string command) =>
        (await BashAsync($"kubectl() {{ printf '%s\\0' \"$@\"; }}; {command}")).Split('\0')[..^1];

    private static async Task<string> BashAsync(string command)
    {
        using var bash = Process.Start(new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = bash.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await bash.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bash.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(bash.ExitCode == 0, $"{command}: {await error}");
        return output;
    }
}
