using System.Globalization;
using KubeCop.Core.Rules;

namespace KubeCop.Core.Bindings;

/// <summary>What a source's documents say, or everything that is wrong with them.</summary>
/// <param name="Bindings">Empty when there are errors: a set is used whole or not at all.</param>
public sealed record BindingReading(IReadOnlyList<RuleBinding> Bindings, IReadOnlyList<BindingError> Errors);

/// <summary>
/// Reads <c>RuntimeRuleAlertBinding</c> documents as KubeCop's custom resource definition has them, and lists of them. What the definition
/// lets pass and KubeCop then ignored (unknown fields, wrong parameters, selectors that cannot match) is an error here.
/// </summary>
public sealed class BindingReader
{
    public const string ApiVersion = "kubescape.io/v1";
    public const string Kind = "RuntimeRuleAlertBinding";

    private static readonly string[] ObjectFields = ["apiVersion", "kind", "metadata", "spec"];
    private static readonly string[] ListFields = ["apiVersion", "kind", "metadata", "items"];
    private static readonly string[] SpecFields = ["namespaceSelector", "podSelector", "rules"];
    private static readonly string[] SelectorFields = ["matchLabels", "matchExpressions"];
    private static readonly string[] RequirementFields = ["key", "operator", "values"];
    private static readonly string[] Choices = ["ruleName", "ruleID", "ruleTags"];
    private static readonly string[] RuleFields = [.. Choices, "severity", "parameters"];
    private static readonly string[] Operators = [.. Enum.GetNames<LabelOperator>()];

    // Of ObjectMeta; the API server writes some of them into what it is asked for.
    private static readonly string[] MetadataFields =
    [
        "name", "namespace", "labels", "annotations", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
        "deletionGracePeriodSeconds", "finalizers", "generateName", "managedFields", "ownerReferences", "selfLink",
    ];

    private static readonly Dictionary<string, RuleType> ById = RuleCatalog.Types.ToDictionary(static type => type.Descriptor.Id, StringComparer.Ordinal);
    private static readonly Dictionary<string, RuleType> ByName = RuleCatalog.Types.ToDictionary(static type => type.Descriptor.Name, StringComparer.Ordinal);

    private static readonly Dictionary<string, RuleType[]> ByTag = RuleCatalog.Types
        .SelectMany(static type => type.Descriptor.Tags, static (type, tag) => (tag, type))
        .GroupBy(static tagged => tagged.tag, static tagged => tagged.type, StringComparer.Ordinal)
        .ToDictionary(static tagged => tagged.Key, static tagged => tagged.ToArray(), StringComparer.Ordinal);

    private readonly List<RuleBinding> _bindings = [];
    private readonly Dictionary<string, RuleBinding> _names = new(StringComparer.Ordinal);
    private readonly List<BindingError> _errors = [];
    private int _errorsLeftOut;
    private string _source = "";
    private string _binding = "";

    private BindingReader()
    {
    }

    public static BindingReading Read(string source, BindingInput input)
    {
        var reader = new BindingReader();
        reader._errors.AddRange(input.Errors);
        foreach (var document in input.Documents)
        {
            reader.ReadDocument(document);
        }

        (reader._source, reader._binding) = (source, "");
        if (reader._errors.Count == 0 && reader._bindings.Count == 0 && !input.MayBeEmpty)
        {
            reader.Refuse(0, "", $"there is no {Kind} in it; without one there would be no rules");
        }

        if (reader._errorsLeftOut > 0)
        {
            reader._errors.Add(new BindingError(source, 0, "", "", string.Create(CultureInfo.InvariantCulture, $"and {reader._errorsLeftOut} more errors")));
        }

        return new BindingReading(reader._errors.Count == 0 ? reader._bindings : [], reader._errors);
    }

    private void ReadDocument(SourceDocument document)
    {
        (_source, _binding) = (document.Source, "");
        if (document.Root is SourceMap map && map.Find("kind")?.Value is SourceScalar { Value: "List" or (Kind + "List") })
        {
            CheckFields(map, "", ListFields);
            if (map.Find("items") is { } items && List(items.Value, "items") is { } list)
            {
                for (var i = 0; i < list.Items.Count; i++)
                {
                    ReadBinding(list.Items[i], $"items[{i}]");
                }
            }
        }
        else
        {
            ReadBinding(document.Root, "");
        }
    }

    private void ReadBinding(SourceNode node, string path)
    {
        _binding = "";
        if (Map(node, path) is not { } map)
        {
            return;
        }

        var prefix = path.Length > 0 ? path + "." : "";
        var before = Errors;
        var (name, ns) = ReadMetadata(map, prefix);
        CheckFields(map, path, ObjectFields);
        CheckText(map, prefix + "apiVersion", "apiVersion", ApiVersion);
        CheckText(map, prefix + "kind", "kind", Kind);
        var (namespaces, pods, rules) = (LabelSelector.Everything, LabelSelector.Everything, (IReadOnlyList<RuleSetting>)[]);
        if (Required(map, prefix + "spec", "spec") is { } field && Map(field.Value, prefix + "spec") is { } spec)
        {
            CheckFields(spec, prefix + "spec", SpecFields);
            namespaces = ReadSelector(spec, "namespaceSelector", prefix + "spec.namespaceSelector");
            pods = ReadSelector(spec, "podSelector", prefix + "spec.podSelector");
            rules = ReadRules(spec, prefix + "spec.rules");
        }

        if (Errors > before)
        {
            return;
        }

        var binding = new RuleBinding
        {
            Name = name,
            Namespace = ns,
            NamespaceSelector = namespaces,
            PodSelector = pods,
            Rules = rules,
            Source = _source,
            Line = map.Line,
        };
        if (_names.TryAdd(binding.FullName, binding))
        {
            _bindings.Add(binding);
        }
        else
        {
            var first = _names[binding.FullName];
            Refuse(map.Line, prefix + "metadata.name", $"there is a binding of this name already, at {first.Source}:{first.Line}");
        }
    }

    /// <summary>First of all, so that the other errors can say which binding it is.</summary>
    private (string Name, string Namespace) ReadMetadata(SourceMap map, string prefix)
    {
        var path = prefix + "metadata";
        if (Required(map, path, "metadata") is not { } field || Map(field.Value, path) is not { } metadata)
        {
            return ("", "");
        }

        _binding = metadata.Find("name")?.Value is SourceScalar { Text: var text } ? BindingError.Quote(text)[1..^1] : "";
        CheckFields(metadata, path, MetadataFields);
        var ns = metadata.Find("namespace") is { } given ? Name(given, $"{path}.namespace") : "";
        return (Required(metadata, $"{path}.name", "name") is { } name ? Name(name, $"{path}.name") : "", ns);
    }

    private string Name(SourceField field, string path)
    {
        var name = Text(field.Value, path);
        if (name is not null && !KubernetesSyntax.IsName(name))
        {
            Refuse(field.Line, path, $"{BindingError.Quote(name)} is no name for an object of Kubernetes; expected lower-case letters, digits, '-' and '.', at most 253");
        }

        return name ?? "";
    }

    private LabelSelector ReadSelector(SourceMap spec, string name, string path)
    {
        if (spec.Find(name) is not { } field || Map(field.Value, path) is not { } selector)
        {
            return LabelSelector.Everything;
        }

        CheckFields(selector, path, SelectorFields);
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        if (selector.Find("matchLabels") is { } matchLabels && Map(matchLabels.Value, $"{path}.matchLabels") is { } pairs)
        {
            foreach (var pair in pairs.Fields)
            {
                var pairPath = $"{path}.matchLabels.{BindingError.Quote(pair.Name)[1..^1]}";
                CheckKey(pair.Name, pair.Line, pairPath);
                if (LabelValue(pair.Value, pairPath) is { } value)
                {
                    labels[pair.Name] = value;
                }
            }
        }

        var requirements = new List<LabelRequirement>();
        if (selector.Find("matchExpressions") is { } expressions && List(expressions.Value, $"{path}.matchExpressions") is { } list)
        {
            for (var i = 0; i < list.Items.Count; i++)
            {
                if (ReadRequirement(list.Items[i], $"{path}.matchExpressions[{i}]") is { } requirement)
                {
                    requirements.Add(requirement);
                }
            }
        }

        return new LabelSelector(labels, requirements);
    }

    private LabelRequirement? ReadRequirement(SourceNode node, string path)
    {
        if (Map(node, path) is not { } map)
        {
            return null;
        }

        CheckFields(map, path, RequirementFields);
        var key = Required(map, $"{path}.key", "key") is { } keyField ? Text(keyField.Value, $"{path}.key") : null;
        if (key is not null)
        {
            CheckKey(key, map.Find("key")!.Line, $"{path}.key");
        }

        var word = Required(map, $"{path}.operator", "operator") is { } operatorField ? Text(operatorField.Value, $"{path}.operator") : null;
        if (word is not null && !Operators.Contains(word))
        {
            Refuse(map.Find("operator")!.Line, $"{path}.operator", NearestName.Refuse("operator", word, Operators));
            word = null;
        }

        var values = new List<string>();
        var given = map.Find("values");
        if (given is not null && List(given.Value, $"{path}.values") is { } list)
        {
            for (var i = 0; i < list.Items.Count; i++)
            {
                if (LabelValue(list.Items[i], $"{path}.values[{i}]") is { } value)
                {
                    values.Add(value);
                }
            }
        }

        if (key is null || word is null)
        {
            return null;
        }

        var parsed = Enum.Parse<LabelOperator>(word);
        if (parsed is LabelOperator.In or LabelOperator.NotIn)
        {
            if (given?.Value is null or SourceList { Items.Count: 0 })
            {
                Refuse(given?.Line ?? map.Line, $"{path}.values", $"{word} needs at least one value");
            }
        }
        else if (given?.Value is SourceList { Items.Count: > 0 })
        {
            Refuse(given.Line, $"{path}.values", $"{word} takes no values");
        }

        return new LabelRequirement(key, parsed, values);
    }

    private RuleSetting[] ReadRules(SourceMap spec, string path)
    {
        if (spec.Find("rules") is not { } field)
        {
            Refuse(spec.Line, path, "it is missing; a binding without rules binds nothing");
            return [];
        }

        if (List(field.Value, path) is not { } list)
        {
            return [];
        }

        if (list.Items.Count == 0)
        {
            Refuse(field.Line, path, "it is empty; a binding without rules binds nothing");
        }

        // What is said of a rule itself holds against what is said of all rules with a tag; else the later holds.
        var (byTag, byName) = (new LayeredRules(), new LayeredRules());
        for (var i = 0; i < list.Items.Count; i++)
        {
            ReadRule(list.Items[i], $"{path}[{i}]", byTag, byName);
        }

        foreach (var setting in byName.Settings)
        {
            byTag.Lay(setting.Rule, setting.Severity, setting.Parameters);
        }

        return [.. byTag.Settings];
    }

    private void ReadRule(SourceNode node, string path, LayeredRules byTag, LayeredRules byName)
    {
        if (Map(node, path) is not { } map)
        {
            return;
        }

        CheckFields(map, path, RuleFields);
        var chosen = Choices.Select(map.Find).OfType<SourceField>().ToArray();
        if (chosen.Length != 1)
        {
            var found = chosen.Length == 0 ? "there is none" : $"there are {string.Join(" and ", chosen.Select(static field => field.Name))}";
            Refuse(chosen.Length == 0 ? map.Line : chosen[^1].Line, path, $"expected exactly one of ruleName, ruleID and ruleTags; {found}");
        }

        var rules = chosen.SelectMany(field => RulesOf(field, $"{path}.{field.Name}")).Distinct().ToArray();
        var severity = ReadSeverity(map, $"{path}.severity");
        var parameters = ReadParameters(map, rules, $"{path}.parameters");
        var target = chosen is [{ Name: "ruleTags" }] ? byTag : byName;
        foreach (var rule in rules)
        {
            target.Lay(rule, severity, parameters.Count == 0 ? parameters : parameters.Where(parameter => Knows(rule, parameter.Key)).ToDictionary());
        }
    }

    private IEnumerable<RuleType> RulesOf(SourceField field, string path) => field.Name switch
    {
        "ruleName" => OneRule(field, path, "rule name", ByName, ById, "ruleID"),
        "ruleID" => OneRule(field, path, "rule ID", ById, ByName, "ruleName"),
        _ => TaggedRules(field, path),
    };

    private RuleType[] OneRule(
        SourceField field, string path, string what, Dictionary<string, RuleType> rules, Dictionary<string, RuleType> others, string otherField)
    {
        if (Text(field.Value, path) is not { } given)
        {
            return [];
        }

        if (rules.TryGetValue(given, out var rule))
        {
            return [rule];
        }

        if (!IsFull)
        {
            Refuse(field.Line, path, others.ContainsKey(given)
                ? $"there is no {what} {BindingError.Quote(given)}; write {otherField}: {given}"
                : NearestName.Refuse(what, given, rules.Keys));
        }
        else
        {
            _errorsLeftOut++;
        }

        return [];
    }

    private IEnumerable<RuleType> TaggedRules(SourceField field, string path)
    {
        if (List(field.Value, path) is not { } tags)
        {
            yield break;
        }

        if (tags.Items.Count == 0)
        {
            Refuse(field.Line, path, "it is empty; name at least one tag");
        }

        for (var i = 0; i < tags.Items.Count; i++)
        {
            if (Text(tags.Items[i], $"{path}[{i}]") is not { } tag)
            {
                continue;
            }

            if (!ByTag.TryGetValue(tag, out var rules))
            {
                Refuse(tags.Items[i].Line, $"{path}[{i}]", NearestName.Refuse("tag", tag, ByTag.Keys));
                continue;
            }

            foreach (var rule in rules)
            {
                yield return rule;
            }
        }
    }

    private Severity? ReadSeverity(SourceMap map, string path)
    {
        if (map.Find("severity") is not { } field)
        {
            return null;
        }

        if (field.Value is not SourceScalar scalar)
        {
            Refuse(field.Line, path, $"expected {SeverityWord.Accepted}");
            return null;
        }

        if (SeverityWord.TryParse(scalar.Text, out var severity))
        {
            return severity;
        }

        Refuse(field.Line, path, $"there is no severity {BindingError.Quote(scalar.Text)}; the nearest is "
            + $"'{NearestName.Of(scalar.Text, ["none", "low", "medium", "high", "critical", "system"])}' (expected {SeverityWord.Accepted})");
        return null;
    }

    /// <summary>Every parameter has to be one of a rule it is for; with tags, each rule takes those it has.</summary>
    private Dictionary<string, object?> ReadParameters(SourceMap map, RuleType[] rules, string path)
    {
        var parameters = new Dictionary<string, object?>(StringComparer.Ordinal);
        if (map.Find("parameters") is not { } field || Map(field.Value, path) is not { } given || rules.Length == 0)
        {
            return parameters;
        }

        foreach (var parameter in given.Fields)
        {
            var value = ValueOf(parameter.Value);
            var knowing = rules.Where(rule => Knows(rule, parameter.Name)).ToArray();
            try
            {
                foreach (var rule in knowing.Length > 0 ? knowing : rules[..1])
                {
                    RuleArguments.Read(rule.Descriptor, new Dictionary<string, object?> { [parameter.Name] = value });
                }

                parameters[parameter.Name] = value;
            }
            catch (RuleArgumentException exception)
            {
                var names = knowing.Length > 0 ? [] : rules.SelectMany(static rule => rule.Descriptor.Parameters, static (_, known) => known.Name).Distinct().ToArray();
                var message = knowing.Length > 0 || rules.Length == 1 ? exception.Message : "none of these rules has such a parameter";
                Refuse(parameter.Line, $"{path}.{BindingError.Quote(parameter.Name)[1..^1]}", names.Length == 0 ? message : $"{message}; the nearest is '{NearestName.Of(parameter.Name, names)}'");
            }
        }

        return parameters;
    }

    private static bool Knows(RuleType rule, string parameter) => rule.Descriptor.Parameters.Any(known => known.Name == parameter);

    // No parameter is a list of lists or a map: those stay what they are, and no parameter takes them.
    private static object? ValueOf(SourceNode node) => node switch
    {
        SourceScalar scalar => scalar.Value,
        SourceList list => list.Items.Select(static item => item is SourceScalar scalar ? scalar.Value : item).ToArray(),
        _ => node,
    };

    private void CheckFields(SourceMap map, string path, string[] known)
    {
        foreach (var field in map.Fields)
        {
            if (known.Contains(field.Name))
            {
                continue;
            }

            if (IsFull)
            {
                _errorsLeftOut++;
                continue;
            }

            var shown = BindingError.Quote(field.Name)[1..^1];
            Refuse(field.Line, path.Length > 0 ? $"{path}.{shown}" : shown, NearestName.Refuse("field", field.Name, known));
        }
    }

    private void CheckText(SourceMap map, string path, string name, string expected)
    {
        if (Required(map, path, name) is { } field && Text(field.Value, path) is { } given && given != expected)
        {
            Refuse(field.Line, path, $"expected {expected}, not {BindingError.Quote(given)}");
        }
    }

    private void CheckKey(string key, int line, string path)
    {
        if (!KubernetesSyntax.IsLabelKey(key))
        {
            Refuse(line, path, $"{BindingError.Quote(key)} is no key of a label; expected a name such as app or app.kubernetes.io/name");
        }
    }

    private string? LabelValue(SourceNode node, string path)
    {
        var value = Text(node, path);
        if (value is not null && !KubernetesSyntax.IsLabelValue(value))
        {
            Refuse(node.Line, path, $"{BindingError.Quote(value)} is no value of a label; expected at most 63 letters, digits, '-', '_' and '.' (there are no patterns)");
        }

        return value;
    }

    private SourceField? Required(SourceMap map, string path, string name)
    {
        var field = map.Find(name);
        if (field is null)
        {
            Refuse(map.Line, path, "it is missing");
        }

        return field;
    }

    private SourceMap? Map(SourceNode node, string path) => node as SourceMap ?? Wrong<SourceMap>(node, path, "a map of fields");

    private SourceList? List(SourceNode node, string path) => node as SourceList ?? Wrong<SourceList>(node, path, "a list");

    private string? Text(SourceNode node, string path) => node switch
    {
        SourceScalar { Value: string text } => text,
        SourceScalar { Value: not null } scalar => Wrong<string>(node, path, $"a text; put it in quotes: \"{scalar.Text}\""),
        _ => Wrong<string>(node, path, "a text"),
    };

    private T? Wrong<T>(SourceNode node, string path, string expected)
        where T : class
    {
        Refuse(node.Line, path, $"expected {expected}");
        return null;
    }

    private int Errors => _errors.Count + _errorsLeftOut;

    private bool IsFull => _errors.Count >= BindingLimits.Errors;

    private void Refuse(int line, string path, string message)
    {
        if (IsFull)
        {
            _errorsLeftOut++;
        }
        else
        {
            _errors.Add(new BindingError(_source, line, _binding, path, message));
        }
    }
}
