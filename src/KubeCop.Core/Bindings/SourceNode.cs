namespace KubeCop.Core.Bindings;

/// <summary>A value of a YAML or JSON document, with where it stands: what bindings are read from, wherever they are kept.</summary>
/// <param name="line">Counted from 1; 0 where there are no lines.</param>
public abstract class SourceNode(int line)
{
    public int Line { get; } = line;
}

/// <param name="text">As it is written.</param>
/// <param name="value">What it stands for: null, bool, long, double or string.</param>
public sealed class SourceScalar(int line, string text, object? value) : SourceNode(line)
{
    public string Text { get; } = text;

    public object? Value { get; } = value;
}

public sealed class SourceList(int line, IReadOnlyList<SourceNode> items) : SourceNode(line)
{
    public IReadOnlyList<SourceNode> Items { get; } = items;
}

/// <param name="fields">In their order, names unique.</param>
public sealed class SourceMap(int line, IReadOnlyList<SourceField> fields) : SourceNode(line)
{
    public IReadOnlyList<SourceField> Fields { get; } = fields;

    /// <returns>Null when the field is absent or null.</returns>
    public SourceField? Find(string name)
    {
        foreach (var field in Fields)
        {
            if (field.Name == name)
            {
                return field.Value is SourceScalar { Value: null } ? null : field;
            }
        }

        return null;
    }
}

/// <param name="Line">Of the name.</param>
public sealed record SourceField(string Name, int Line, SourceNode Value);

/// <param name="Source">The file, for messages.</param>
public sealed record SourceDocument(string Source, SourceNode Root);
