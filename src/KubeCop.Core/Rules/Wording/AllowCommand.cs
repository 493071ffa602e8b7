using System.Text.Json.Nodes;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Core.Rules.Wording;

/// <summary>
/// The command that adds a behaviour to the profile of a container's workload, and nothing else. In a cluster it patches the
/// ApplicationProfile, which fails if another container stands where this one is thought to be; elsewhere it asks the silo.
/// </summary>
internal static class AllowCommand
{
    /// <summary>Elsewhere only for the executable it led to; an ApplicationProfile has no place for that.</summary>
    public static string ForExec(in RuleContext context, in SensorEvent exec) => For(
        context,
        ProfileSections.Execs,
        "execs",
        new JsonObject { ["path"] = exec.Path },
        OptionsOf(exec));

    /// <summary>The same only with the arguments it had; of one that had none, with any.</summary>
    public static string ForArguments(in RuleContext context, in SensorEvent exec)
    {
        var arguments = exec.Exec?.Arguments.Skip(1).ToArray() ?? [];
        var entry = new JsonObject { ["path"] = exec.Path };
        if (arguments.Length > 0)
        {
            entry["args"] = new JsonArray([.. arguments.Select(static argument => (JsonNode)argument)]);
        }

        return For(context, ProfileSections.Execs, "execs", entry, OptionsOf(exec) + string.Concat(arguments.Select(static argument => Option("arg", argument))));
    }

    /// <param name="flags">A set as of <see cref="OpenFlags.ToSet"/>.</param>
    public static string ForOpen(in RuleContext context, string path, uint flags)
    {
        var names = OpenFlags.Names(flags);
        return For(
            context,
            ProfileSections.Opens,
            "opens",
            new JsonObject { ["path"] = path, ["flags"] = new JsonArray([.. names.Select(static name => (JsonNode)name)]) },
            Option("open", path) + Option("flags", string.Join(',', names)));
    }

    public static string ForSyscall(in RuleContext context, string name) => For(context, ProfileSections.Syscalls, "syscalls", name, Option("syscall", name));

    /// <summary>Elsewhere a check that was refused may only be refused; an ApplicationProfile has no place for that.</summary>
    public static string ForCapability(in RuleContext context, CapabilityDetails capability) => For(
        context,
        ProfileSections.Capabilities,
        "capabilities",
        new JsonObject
        {
            ["syscall"] = capability.Syscall.Length == 0 ? CapabilityItem.AnySyscall : capability.Syscall,
            ["caps"] = new JsonArray(capability.Name),
        },
        Option(capability.Granted ? "capability" : "refused-capability", capability.Syscall.Length == 0 ? capability.Name : $"{capability.Name}:{capability.Syscall}"));

    public static string ForDns(in RuleContext context, string name) =>
        For(context, ProfileSections.Dns, "dns", new JsonObject { ["dnsName"] = name }, Option("dns", name));

    public static string ForConnection(in RuleContext context, NetworkDetails network)
    {
        var entry = new JsonObject { ["protocol"] = network.Protocol, ["port"] = network.Port };
        if (network.Action != NetworkAction.Connect)
        {
            return For(context, ProfileSections.NetworkActivity, "networkActivity/incoming", entry, Option("incoming", $"{network.Protocol}:{network.Port}"));
        }

        entry["dstEndpoint"] = network.Address;
        return For(
            context,
            ProfileSections.NetworkActivity,
            "networkActivity/outgoing",
            entry,
            Option("connect", $"{network.Protocol}:{Connection.EndpointOf(network)}"));
    }

    private static string OptionsOf(in SensorEvent exec) =>
        Option("exec", exec.Path) + (exec.Executable.Length == 0 ? "" : Option("executable", exec.Executable));

    private static string For(in RuleContext context, ProfileSections section, string list, JsonNode entry, string options)
    {
        var (container, workload) = (context.Container, context.Container.Workload);
        if (context.Profile is { IsUnlisted: true })
        {
            return $"Find out who added container {container.Name} to the running pod (in the cluster's audit log: pods/ephemeralcontainers). If it was meant, "
                + "nothing has to be allowed: it is gone with its pod.";
        }

        return context is { Container.Pod: not null, ApiServer: not null, Profile: { } profile }
            ? $"kubectl patch applicationprofile {ShellText.Quote(workload.ProfileName)} --namespace {ShellText.Quote(workload.Namespace)} --type json -p "
                + ShellText.Quote(Patch(profile.Profile, container.Name, section, list, entry).ToJsonString())
            : Command(
                context.Command ?? SiloCommand.Default,
                $"profiles allow {ShellText.Quote($"{workload.Namespace}/{workload.ProfileName}")}{Option("container", container.Name)}{options}");
    }

    private static string Command(SiloCommand silo, string verb) => $"{silo.Program} {verb}{(silo.DataDirectory is { } directory ? Option("data-dir", directory) : "")}";

    /// <summary>RFC 6902: fails as a whole when the test does.</summary>
    private static JsonArray Patch(ContainerProfile profile, string containerName, ProfileSections section, string list, JsonNode entry)
    {
        var place = $"/spec/containers/{profile.Index}";
        return
        [
            new JsonObject { ["op"] = "test", ["path"] = $"{place}/name", ["value"] = containerName },
            (profile.Sections & section) != 0
                ? new JsonObject { ["op"] = "add", ["path"] = $"{place}/{list}/-", ["value"] = entry }
                : Section(place, list.Split('/'), entry),
        ];
    }

    /// <summary>A profile has the sections that were learned, if empty as an empty list; to one that it does not have nothing can be appended.</summary>
    private static JsonObject Section(string place, string[] list, JsonNode entry) => new()
    {
        ["op"] = "add",
        ["path"] = $"{place}/{list[0]}",
        ["value"] = list is [_, var direction] ? new JsonObject { [direction] = new JsonArray(entry) } : new JsonArray(entry),
    };

    // A value that starts like an option or a response file (-x, @x) must not be taken for one; behind = there must be one.
    private static string Option(string name, string value) =>
        $" --{name}{(value.Length == 0 || char.IsAsciiLetterOrDigit(value[0]) || value[0] == '/' ? ' ' : '=')}{ShellText.Quote(value)}";
}
