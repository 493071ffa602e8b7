using System.Text;
using KubeCop.Core.Bindings;
using KubeCop.Core.Workloads;
using KubeCop.Host.Bindings;

namespace KubeCop.Tests.Core.Bindings;

/// <summary>Bindings as people write them.</summary>
internal static class BindingSample
{
    public const string Name = "b.yaml";

    /// <summary>A binding with these lines below <c>spec</c>.</summary>
    public static string Yaml(string name, string spec) =>
        $"apiVersion: kubescape.io/v1\nkind: RuntimeRuleAlertBinding\nmetadata:\n  name: {name}\nspec:\n{Indent(spec)}";

    public static string Yaml(string name, string selectors, string rules) => Yaml(name, $"{selectors}\nrules:\n{Indent(rules)}");

    public static BindingReading Read(string yaml) => Read(Encoding.UTF8.GetBytes(yaml));

    public static BindingReading Read(params byte[][] files)
    {
        var documents = new YamlDocuments();
        foreach (var file in files)
        {
            documents.Add(Name, file);
        }

        return BindingReader.Read(Name, new BindingInput("", documents.Documents, documents.Errors));
    }

    /// <summary>The only error there is, in full.</summary>
    public static string Error(string yaml)
    {
        var reading = Read(yaml);
        Assert.Empty(reading.Bindings);
        return Assert.Single(reading.Errors).ToString();
    }

    public static IReadOnlyList<RuleBinding> Parse(params string[] documents)
    {
        var reading = Read(string.Join("\n---\n", documents));
        Assert.Empty(reading.Errors);
        return reading.Bindings;
    }

    public static RuleBindings Compile(params string[] documents)
    {
        var bindings = new RuleBindings(new NamespaceNames());
        Apply(bindings, documents);
        return bindings;
    }

    public static void Apply(RuleBindings bindings, params string[] documents) => bindings.Apply(new BindingSet(Parse(documents), Name, default));

    public static ContainerDescription Container(string ns = "shop", params (string Key, string Value)[] labels) => Sample.Container with
    {
        Workload = new WorkloadKey(ns, "Deployment", "web"),
        Pod = new PodDescription { Name = "web-1", Namespace = ns, Labels = labels.ToDictionary(static label => label.Key, static label => label.Value) },
    };

    private static string Indent(string lines) => string.Join('\n', lines.Split('\n').Where(static line => line.Length > 0).Select(static line => "  " + line));
}
