using KubeCop.Host.Http;
using YamlDotNet.Core;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.EventEmitters;

namespace KubeCop.Host.Commands;

/// <summary>A profile as the ApplicationProfile custom resource of KubeCop, without what the cluster fills in.</summary>
internal static class ProfileYaml
{
    private const string Labels = "kapprofiler.kubescape.io/";

    public static void Write(ProfileView profile, TextWriter output)
    {
        // Without the quotes a label's true would be a boolean, which the API server refuses.
        var serializer = new SerializerBuilder().WithQuotingNecessaryStrings(quoteYaml1_1Strings: true).WithEventEmitter(static next => new ControlCharacters(next)).Build();
        output.Write(serializer.Serialize(Document(profile)));
    }

    /// <summary>The resource as mappings, lists and scalars.</summary>
    internal static Dictionary<string, object> Document(ProfileView profile)
    {
        var labels = new Dictionary<string, object>();
        foreach (var state in new[] { "final", "partial" })
        {
            if (profile.State == state)
            {
                labels[Labels + state] = "true";
            }
        }

        return new Dictionary<string, object>
        {
            ["apiVersion"] = "kubescape.io/v1",
            ["kind"] = "ApplicationProfile",
            ["metadata"] = new Dictionary<string, object> { ["name"] = profile.Name, ["namespace"] = profile.Namespace, ["labels"] = labels },
            ["spec"] = new Dictionary<string, object> { ["containers"] = Guarding(profile).Select(Container).ToList() },
        };
    }

    /// <summary>The resource holds one entry a container name: the revision learned last.</summary>
    private static IEnumerable<ContainerProfileView> Guarding(ProfileView profile) =>
        profile.Containers
            .GroupBy(static container => container.Name, StringComparer.Ordinal)
            .Select(static revisions => revisions.OrderBy(static container => container.Partial).ThenByDescending(static container => container.LearningStartedAt).First());

    /// <summary>A section that was not learned is left out: an empty one would mean that there is no such behaviour.</summary>
    private static Dictionary<string, object> Container(ContainerProfileView container)
    {
        var sections = new Dictionary<string, object>
        {
            ["execs"] = List(container.Execs, static exec => new() { ["path"] = exec.Path, ["args"] = exec.Args.ToList() }),
            ["opens"] = List(container.Opens, static open => new() { ["path"] = open.Path, ["flags"] = open.Flags.ToList() }),
            ["syscalls"] = container.Syscalls.ToList(),
            ["capabilities"] = List(
                container.Capabilities.Where(static entry => entry.Caps.Count > 0),
                static entry => new() { ["syscall"] = entry.Syscall, ["caps"] = entry.Caps.ToList() }),
            ["dns"] = List(container.Dns, static dns => new() { ["dnsName"] = dns.DnsName, ["addresses"] = dns.Addresses.ToList() }),
            ["networkActivity"] = new Dictionary<string, object>
            {
                ["incoming"] = Connections(container.NetworkActivity.Incoming),
                ["outgoing"] = Connections(container.NetworkActivity.Outgoing),
            },
        };
        return new Dictionary<string, object>([new("name", container.Name), .. sections.Where(section => container.LearnedSections.Contains(section.Key))]);
    }

    private static List<Dictionary<string, object>> Connections(IReadOnlyList<NetworkView> connections) =>
        List(connections, static connection => new()
        {
            ["protocol"] = connection.Protocol,
            ["port"] = connection.Port,
            ["dstEndpoint"] = connection.DstEndpoint,
        });

    private static List<Dictionary<string, object>> List<T>(IEnumerable<T> entries, Func<T, Dictionary<string, object>> write) => [.. entries.Select(write)];

    /// <summary>Block scalars would carry control characters of hostile paths as they are; double quotes escape them.</summary>
    private sealed class ControlCharacters(IEventEmitter next) : ChainedEventEmitter(next)
    {
        public override void Emit(ScalarEventInfo eventInfo, IEmitter emitter)
        {
            if (eventInfo.Source.Value is string text && text.Any(char.IsControl))
            {
                eventInfo.Style = ScalarStyle.DoubleQuoted;
            }

            base.Emit(eventInfo, emitter);
        }
    }
}
