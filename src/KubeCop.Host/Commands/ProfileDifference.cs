using System.Collections;
using KubeCop.Core.Alerts;
using KubeCop.Core.Bindings;
using KubeCop.Host.Bindings;
using KubeCop.Host.Http;

namespace KubeCop.Host.Commands;

/// <summary>
/// What one ApplicationProfile has and another has not: a line an entry, of all that the resource holds, whoever wrote it. The order of entries,
/// flags and the like makes no difference.
/// </summary>
internal static class ProfileDifference
{
    /// <summary>The kinds of containers of the resource.</summary>
    private static readonly string[] ContainerLists = ["containers", "initContainers", "ephemeralContainers"];

    /// <returns>Whether there is none.</returns>
    public static bool Write(IReadOnlySet<string> before, IReadOnlySet<string> after, TextWriter output)
    {
        var lines = before.Except(after).Select(static line => (Line: line, Sign: '-'))
            .Concat(after.Except(before).Select(static line => (Line: line, Sign: '+')))
            .OrderBy(static one => one.Line, StringComparer.Ordinal)
            .ToList();
        foreach (var (line, sign) in lines)
        {
            output.WriteLine(TerminalText.Escape($"{sign} {line}"));
        }

        return lines.Count == 0;
    }

    /// <summary>The entries of a profile: container, section and what the entry says.</summary>
    public static IReadOnlySet<string> LinesOf(ProfileView profile) => LinesOf(NodeOf(ProfileYaml.Document(profile)), profile.Name);

    /// <summary>Those of a resource in a file.</summary>
    /// <exception cref="UsageException">It is not one.</exception>
    public static IReadOnlySet<string> ReadLines(string file)
    {
        var yaml = new YamlDocuments();
        yaml.Add(file, ProfileFile.Read(file));
        return yaml switch
        {
            { Errors: [var error, ..] } => throw new UsageException(error.ToString()),
            { Documents: [var document] } => LinesOf(document.Root, file),
            _ => throw new UsageException($"{file} has {yaml.Documents.Count} documents; one ApplicationProfile is expected."),
        };
    }

    private static HashSet<string> LinesOf(SourceNode root, string source)
    {
        if (root is not SourceMap resource
            || resource.Find("kind")?.Value is not SourceScalar { Text: "ApplicationProfile" }
            || resource.Find("spec")?.Value is not SourceMap spec)
        {
            throw new UsageException($"{source} is not an ApplicationProfile: kind: ApplicationProfile and a spec are expected.");
        }

        var lines = new HashSet<string>(StringComparer.Ordinal);
        foreach (var list in ContainerLists)
        {
            foreach (var node in (spec.Find(list)?.Value as SourceList)?.Items ?? [])
            {
                if (node is not SourceMap container || container.Find("name")?.Value is not SourceScalar name)
                {
                    throw new UsageException($"{source}:{node.Line}: a container of {list} has no name.");
                }

                lines.Add($"{name.Text} (of {list})");
                foreach (var section in container.Fields.Where(static field => field.Name != "name"))
                {
                    AddSection(lines, $"{name.Text} {section.Name}", section.Value);
                }
            }
        }

        return lines;
    }

    private static void AddSection(HashSet<string> lines, string section, SourceNode node)
    {
        // A section that is there and empty says that there is no such behaviour; one that is not there says nothing.
        lines.Add($"{section}:");
        switch (node)
        {
            case SourceList list:
                lines.UnionWith(list.Items.Select(item => $"{section}: {EntryOf(item)}"));
                break;
            case SourceMap map:
                foreach (var field in map.Fields)
                {
                    AddSection(lines, $"{section} {field.Name}", field.Value);
                }

                break;
            case SourceScalar { Value: not null } scalar:
                lines.Add($"{section}: {scalar.Text}");
                break;
        }
    }

    private static string EntryOf(SourceNode node) => node switch
    {
        SourceScalar scalar => Quoted(scalar.Text),
        SourceMap map => string.Join(' ', map.Fields
            .OrderBy(static field => field.Name == "path" ? "" : field.Name, StringComparer.Ordinal)
            .Select(FieldOf)
            .Where(static text => text.Length > 0)),
        SourceList list => $"[{string.Join(", ", list.Items.Select(EntryOf))}]",
        _ => "",
    };

    // What separates entries and fields must not make two of one.
    private static string Quoted(string text) =>
        text.Length == 0 || text.IndexOfAny([' ', ',', '[', ']', '=', '"']) >= 0 ? $"\"{text.Replace("\\", @"\\").Replace("\"", "\\\"")}\"" : text;

    /// <summary>Of what a program is started with the order counts; of flags, addresses and the like it does not.</summary>
    private static string FieldOf(SourceField field) => field switch
    {
        { Name: "path", Value: SourceScalar path } => path.Text,
        { Value: SourceScalar { Text: "" } or SourceList { Items.Count: 0 } } => "",
        { Name: not "args", Value: SourceList list } => $"{field.Name}=[{string.Join(", ", list.Items.Select(EntryOf).Order(StringComparer.Ordinal))}]",
        _ => $"{field.Name}={EntryOf(field.Value)}",
    };

    private static SourceNode NodeOf(object value) => value switch
    {
        string text => new SourceScalar(0, text, text),
        Dictionary<string, object> map => new SourceMap(0, [.. map.Select(static field => new SourceField(field.Key, 0, NodeOf(field.Value)))]),
        IEnumerable list => new SourceList(0, [.. list.Cast<object>().Select(NodeOf)]),
        _ => new SourceScalar(0, $"{value}", value),
    };
}
