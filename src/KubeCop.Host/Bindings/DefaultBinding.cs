using System.Runtime.CompilerServices;
using KubeCop.Core.Bindings;
using KubeCop.Core.Rules;

namespace KubeCop.Host.Bindings;

/// <summary>The bindings the program brings along, for whoever has none.</summary>
internal sealed class DefaultBinding : IBindingSource
{
    private const string Resource = "default-binding.yaml";

    private static readonly Lazy<RuleSet> All = new(static () =>
    {
        var bindings = new RuleBindings(new NamespaceNames());
        var reading = BindingReader.Read(Resource, Read());
        bindings.Apply(reading.Errors.Count == 0 ? new BindingSet(reading.Bindings, Resource, default) : throw new BindingsRefusedException(reading.Errors));
        return bindings.Rules;
    });

    /// <summary>What it binds, to whomever.</summary>
    public static RuleSet Rules => All.Value;

    public string Name => "default";

    public static BindingInput Read()
    {
        using var stream = typeof(DefaultBinding).Assembly.GetManifestResourceStream(Resource)!;
        using var content = new MemoryStream();
        stream.CopyTo(content);
        var documents = new YamlDocuments();
        documents.Add(Resource, content.GetBuffer().AsSpan(0, (int)content.Length));
        return new BindingInput(Resource, documents.Documents, documents.Errors);
    }

    public async IAsyncEnumerable<BindingInput> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return Read();
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }
}
