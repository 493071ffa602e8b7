using System.Globalization;
using System.Net;
using KubeCop.Core.Bindings;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Host.Bindings;

namespace KubeCop.Host.Http;

/// <summary>An ApplicationProfile that somebody gives: KubeCop's own, an exported one, one written by hand.</summary>
/// <param name="Namespace">Empty when the resource names none.</param>
/// <param name="Name">Of the resource, <c>kind-name</c> of the workload.</param>
/// <param name="Containers">With the sections it has; those that are absent are not judged by.</param>
/// <param name="Remark">What whoever gives it should know of it, in a sentence; empty for nothing.</param>
internal sealed record GivenProfile(string Namespace, string Name, IReadOnlyList<ContainerProfile> Containers, string Remark)
{
    /// <summary>The workload the name says, as far as its kind is one of those that are known; null else.</summary>
    public WorkloadKey? Workload(string ns) => WorkloadKey.OfProfile(ns, Name);
}

/// <summary>Reads the YAML or JSON of one ApplicationProfile strictly: what it does not know is refused, with its line.</summary>
internal sealed class ProfileReader
{
    private static readonly string[] ContainerLists = ["containers", "initContainers", "ephemeralContainers"];

    private readonly string _source;
    private readonly DateTimeOffset _now;

    private ProfileReader(string source, DateTimeOffset now) => (_source, _now) = (source, now);

    /// <param name="source">The file, for messages.</param>
    /// <param name="now">When its entries count as first seen.</param>
    /// <exception cref="BadRequestException">It is no ApplicationProfile; the message says where and why.</exception>
    public static GivenProfile Read(string source, ReadOnlySpan<byte> content, DateTimeOffset now)
    {
        var yaml = new YamlDocuments();
        yaml.Add(source, content);
        return yaml switch
        {
            { Errors: [var error, ..] } => throw new BadRequestException(error.ToString()),
            { Documents: [var document] } => new ProfileReader(source, now).Resource(document.Root),
            _ => throw new BadRequestException($"{source} has {yaml.Documents.Count} documents; one ApplicationProfile is expected."),
        };
    }

    private GivenProfile Resource(SourceNode root)
    {
        if (root is not SourceMap resource || resource.Find("kind")?.Value is not SourceScalar { Text: "ApplicationProfile" })
        {
            throw Refuse(root.Line, "kind", "an ApplicationProfile is expected");
        }

        var metadata = Map(Field(resource, "metadata"), "metadata");
        var spec = Map(Field(resource, "spec"), "spec");
        var name = Text(Field(metadata, "name"), "metadata.name");
        var labels = metadata.Find("labels")?.Value as SourceMap;
        if (IsSet("failed"))
        {
            throw Refuse(metadata.Line, "metadata.labels", "KubeCop marked this profile as failed: it does not know what is normal");
        }

        var ns = metadata.Find("namespace") is { } field ? Text(field.Value, "metadata.namespace") : "";
        foreach (var unknown in spec.Fields.Where(static field => !ContainerLists.Contains(field.Name)))
        {
            throw Refuse(unknown.Line, $"spec.{unknown.Name}", $"unknown; a spec has {string.Join(", ", ContainerLists)}");
        }

        var containers = ContainerLists
            .SelectMany(list => Items(spec, list, $"spec.{list}").Select((node, index) => Container(Map(node, $"spec.{list}[{index}]"), $"spec.{list}[{index}]")))
            .ToArray();
        if (containers.GroupBy(static container => container.Name, StringComparer.Ordinal).FirstOrDefault(static same => same.Count() > 1) is { Key: var twice })
        {
            throw Refuse(spec.Line, "spec", $"container '{twice}' is there more than once");
        }

        if (containers.Length > ProfileSlot.MostOfAWorkload)
        {
            throw Refuse(spec.Line, "spec", $"it has {containers.Length} containers, {ProfileSlot.MostOfAWorkload} at the most can be guarded");
        }

        var remark = IsSet("partial") ? "It was learned from containers that ran already: what they do when they start is not in it, and will be alerted on." : "";
        return containers.Length > 0 ? new GivenProfile(ns, name, containers, remark) : throw Refuse(spec.Line, "spec", "it has no containers");

        bool IsSet(string label) => labels?.Find($"kapprofiler.kubescape.io/{label}")?.Value is SourceScalar { Text: "true" };
    }

    private ContainerProfile Container(SourceMap map, string path)
    {
        var profile = new ContainerProfile
        {
            Name = Text(Field(map, "name"), $"{path}.name"),
            Revision = ProfileSlot.GivenRevision,
            State = ProfileState.Final,
            Version = 0,
            Generation = 1,
            LearningStartedAt = _now,
            CompletesAt = _now,
            Execs = [],
            Opens = [],
            IsPartial = false,
            Sections = 0,
        };
        foreach (var field in map.Fields.Where(static field => field.Name != "name"))
        {
            profile = Section(profile, field, map, path);
        }

        return profile;
    }

    private ContainerProfile Section(ContainerProfile profile, SourceField field, SourceMap map, string container)
    {
        var path = $"{container}.{field.Name}";
        return field.Name switch
        {
            "execs" => profile with { Execs = Entries(map, field, path, Exec), Sections = profile.Sections | ProfileSections.Execs },
            "opens" => profile with { Opens = Entries(map, field, path, Open), Sections = profile.Sections | ProfileSections.Opens },
            "syscalls" => profile with
            {
                Syscalls = [.. Texts(map, field.Name, path).Select(name => new SyscallEntry(name, _now))],
                Sections = profile.Sections | ProfileSections.Syscalls,
            },
            "capabilities" => profile with { Capabilities = Entries(map, field, path, Capability), Sections = profile.Sections | ProfileSections.Capabilities },
            "dns" => profile with { Dns = Entries(map, field, path, Dns), Sections = profile.Sections | ProfileSections.Dns },
            "networkActivity" => Network(profile, field.Value is SourceScalar { Value: null } ? new SourceMap(field.Line, []) : Map(field.Value, path), path),
            _ => throw Refuse(field.Line, path, "unknown; a container has name, execs, opens, syscalls, capabilities, dns, networkActivity"),
        };
    }

    private ExecEntry Exec(SourceMap map, string path) => new(AbsolutePath(map, path), "", Texts(map, "args", $"{path}.args"), _now);

    private OpenEntry Open(SourceMap map, string path)
    {
        var flags = Texts(map, "flags", $"{path}.flags");
        foreach (var flag in flags)
        {
            if (OpenFlags.Parse([flag]) == 0)
            {
                throw Refuse(map.Line, $"{path}.flags", $"'{flag}' is no flag of open(2)");
            }
        }

        // As KubeCop makes them: such a pattern covers no sensitive file.
        var file = AbsolutePath(map, path);
        return new OpenEntry(file, flags, _now) { Collapsed = file.Split('/').Contains(PathPatterns.AnySegment) ? 1 : 0 };
    }

    private CapabilityEntry Capability(SourceMap map, string path) =>
        new(
            Text(Field(map, "syscall"), $"{path}.syscall"),
            [.. Texts(map, "caps", $"{path}.caps").Select(text => Capabilities.TryParse(text, out var name) ? name : throw Refuse(map.Line, $"{path}.caps", $"'{text}' is no capability"))],
            [],
            _now);

    private DnsEntry Dns(SourceMap map, string path) => new(Text(Field(map, "dnsName"), $"{path}.dnsName"), Texts(map, "addresses", $"{path}.addresses"), _now);

    private ContainerProfile Network(ContainerProfile profile, SourceMap map, string path)
    {
        foreach (var field in map.Fields)
        {
            var entries = field.Name is "incoming" or "outgoing"
                ? Entries(map, field, $"{path}.{field.Name}", Connection)
                : throw Refuse(field.Line, $"{path}.{field.Name}", "unknown; there is incoming and outgoing");
            profile = field.Name == "incoming" ? profile with { Incoming = entries } : profile with { Outgoing = entries };
        }

        return profile with { Sections = profile.Sections | ProfileSections.NetworkActivity };
    }

    private NetworkEntry Connection(SourceMap map, string path)
    {
        var port = Text(Field(map, "port"), $"{path}.port");
        var endpoint = map.Find("dstEndpoint") is { } field ? Text(field.Value, $"{path}.dstEndpoint") : "";
        return ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new NetworkEntry(
                Text(Field(map, "protocol"), $"{path}.protocol").ToLowerInvariant(),
                number,
                !IPAddress.TryParse(endpoint, out var address) ? endpoint : (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString(),
                _now)
            : throw Refuse(map.Line, $"{path}.port", $"'{port}' is no port, 0 to 65535");
    }

    private T[] Entries<T>(SourceMap map, SourceField field, string path, Func<SourceMap, string, T> read) =>
        [.. Items(map, field.Name, path).Select((node, index) => read(Map(node, $"{path}[{index}]"), $"{path}[{index}]"))];

    private string[] Texts(SourceMap map, string name, string path) => [.. Items(map, name, path).Select((node, index) => Text(node, $"{path}[{index}]"))];

    private IReadOnlyList<SourceNode> Items(SourceMap map, string name, string path) => map.Find(name) switch
    {
        null => [],
        { Value: SourceList list } => list.Items,
        { Line: var line } => throw Refuse(line, path, "a list is expected"),
    };

    private string AbsolutePath(SourceMap map, string path) =>
        Text(Field(map, "path"), $"{path}.path") is var text && PathMark.IsAbsolute(text) ? text : throw Refuse(map.Line, $"{path}.path", $"'{text}' is no absolute path");

    private SourceNode Field(SourceMap map, string name) => map.Find(name)?.Value ?? throw Refuse(map.Line, name, "missing");

    private SourceMap Map(SourceNode node, string path) => node as SourceMap ?? throw Refuse(node.Line, path, "an object is expected");

    private string Text(SourceNode node, string path) =>
        node is SourceScalar { Value: not null } scalar ? scalar.Text : throw Refuse(node.Line, path, "a text is expected");

    private BadRequestException Refuse(int line, string path, string reason) => new($"{_source}:{line}: {path}: {reason}.");
}
