using System.Text.RegularExpressions;

namespace KubeCop.Testing.Kubernetes;

/// <summary>Which objects a list or a watch is of (Kubernetes documentation, "Labels and Selectors", "Field Selectors").</summary>
internal sealed partial class Selectors
{
    private readonly List<Func<StoredObject, bool>> _requirements = [];

    /// <summary>The name that a field selector asks for: rules that name objects allow lists of it alone.</summary>
    public string Name { get; private set; } = "";

    public bool IsEverything => _requirements.Count == 0;

    public bool Matches(StoredObject stored) => _requirements.TrueForAll(requirement => requirement(stored));

    /// <exception cref="ApiStatusException">A selector cannot be read, or asks for a field that this kind is not found by.</exception>
    public static Selectors Parse(ResourceKind? kind, string labels, string fields)
    {
        var selectors = new Selectors();
        foreach (var requirement in SplitOutsideParentheses(labels))
        {
            selectors._requirements.Add(OfLabel(requirement));
        }

        foreach (var requirement in fields.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            selectors._requirements.Add(selectors.OfField(kind, requirement));
        }

        return selectors;
    }

    private static Func<StoredObject, bool> OfLabel(string requirement)
    {
        if (SetRequirement().Match(requirement) is { Success: true } set)
        {
            var values = set.Groups["values"].Value.Split(',', StringSplitOptions.TrimEntries);
            var key = set.Groups["key"].Value;
            return set.Groups["not"].Success
                ? stored => LabelOf(stored, key) is not { } label || !values.Contains(label)
                : stored => LabelOf(stored, key) is { } label && values.Contains(label);
        }

        if (EqualityRequirement().Match(requirement) is { Success: true } equality)
        {
            var (key, value) = (equality.Groups["key"].Value, equality.Groups["value"].Value);
            return equality.Groups["operator"].Value == "!="
                ? stored => LabelOf(stored, key) != value
                : stored => LabelOf(stored, key) == value;
        }

        if (ExistenceRequirement().Match(requirement) is { Success: true } existence)
        {
            var key = existence.Groups["key"].Value;
            var wanted = !existence.Groups["not"].Success;
            return stored => LabelOf(stored, key) is not null == wanted;
        }

        throw ApiStatusException.BadRequest($"unable to parse requirement: found '{requirement}', expected: !, identifier, or 'end of string'");
    }

    private Func<StoredObject, bool> OfField(ResourceKind? kind, string requirement)
    {
        if (FieldRequirement().Match(requirement) is not { Success: true } match)
        {
            throw ApiStatusException.BadRequest($"invalid selector: '{requirement}'; can't understand '{requirement}'");
        }

        var (field, value, isEqual) = (match.Groups["field"].Value, match.Groups["value"].Value, match.Groups["operator"].Value != "!=");
        if (kind is not null && field is not ("metadata.name" or "metadata.namespace") && !FieldsOf(kind).Contains(field))
        {
            throw ApiStatusException.BadRequest(
                $"Unable to find \"{kind.Group}/{kind.Version}, Resource={kind.Plural}\" that match label selector \"\", field selector \"{requirement}\": field label not supported: {field}");
        }

        if (field == "metadata.name" && isEqual)
        {
            Name = value;
        }

        var path = field.Split('.');
        return stored => stored.Value.Text(path) == value == isEqual;
    }

    private static string[] FieldsOf(ResourceKind kind) => kind.QualifiedName switch
    {
        "pods" => ["spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase", "status.podIP"],
        "events" => ["involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid", "reason", "type"],
        "namespaces" => ["status.phase"],
        _ => [],
    };

    private static string? LabelOf(StoredObject stored, string key) => stored.Value.At("metadata", "labels", key)?.AsText();

    private static IEnumerable<string> SplitOutsideParentheses(string selector) =>
        selector.Trim().Length == 0 ? [] : Comma().Split(selector).Select(static requirement => requirement.Trim());

    [GeneratedRegex(@",(?![^()]*\))")]
    private static partial Regex Comma();

    [GeneratedRegex(@"^(?<key>[\w./-]+)\s+((?<not>notin)|in)\s*\((?<values>[^()]*)\)$")]
    private static partial Regex SetRequirement();

    [GeneratedRegex(@"^(?<key>[\w./-]+)\s*(?<operator>==|=|!=)\s*(?<value>[\w.-]*)$")]
    private static partial Regex EqualityRequirement();

    [GeneratedRegex(@"^(?<not>!)?\s*(?<key>[\w./-]+)$")]
    private static partial Regex ExistenceRequirement();

    [GeneratedRegex(@"^(?<field>[^=!]+)(?<operator>==|=|!=)(?<value>.*)$")]
    private static partial Regex FieldRequirement();
}
