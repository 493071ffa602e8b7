using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using k8s;
using k8s.Models;
using KubeCop.Core.Bindings;
using KubeCop.Core.Rules;
using KubeCop.Host.Bindings;
using KubeCop.Host.Http;
using KubeCop.Kubernetes.CustomResources;
using KubeCop.Testing.Kubernetes;
using KubeCop.Tests.Core;

namespace KubeCop.Tests.Kubernetes;

public sealed class CustomResourceTests
{
    private const string AnyBinding = """
        apiVersion: kubescape.io/v1
        kind: RuntimeRuleAlertBinding
        metadata: {name: everything-there-is}
        spec:
          namespaceSelector:
            matchLabels: {team: payments}
            matchExpressions:
            - {key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system]}
            - {key: tier, operator: Exists}
          podSelector: null
          rules:
          - ruleName: Unexpected file access
            severity: HIGH
            parameters: {ignoreMounts: true, ignorePrefixes: [/tmp]}
          - {ruleID: R1000, severity: "8"}
          - {ruleTags: [malicious]}
        """;

    private const string AnyProfile = """
        apiVersion: kubescape.io/v1
        kind: ApplicationProfile
        metadata: {name: deployment-web, namespace: default, labels: {kapprofiler.kubescape.io/final: "true"}}
        spec:
          containers:
          - name: web
            syscalls: [read]
            execs:
            - {path: /bin/sh, args: [-c, id], envs: [A=b]}
            - {path: /bin/ls, args: null}
            opens: [{path: /etc/passwd, flags: [O_RDONLY], taskName: sh, taskId: 7}]
            capabilities: [{syscall: bind, caps: [NET_BIND_SERVICE]}]
            dns: [{dnsName: example.org., addresses: [192.0.2.1]}]
            networkActivity:
              incoming: [{protocol: TCP, port: 80, dstEndpoint: 192.0.2.2}]
              outgoing: [{protocol: udp, port: 53, dstEndpoint: 192.0.2.3}]
          initContainers: [{name: init, opens: []}]
          ephemeralContainers: []
        """;

    public static TheoryData<string> Pages => ["cluster", "namespaced"];

    [Theory, MemberData(nameof(Pages))]
    public void DefinitionsOfTheChart_AreCurrent(string scope)
    {
        var written = CustomResourceDefinitions.ToYaml(CustomResourceDefinitions.All(scope == "cluster" ? ResourceScope.Cluster : ResourceScope.Namespaced));
        var file = Repository.PathOf($"charts/kubecop/files/crds/{scope}.yaml");
        if (Environment.GetEnvironmentVariable("KUBECOP_WRITE_DOCS") == "1")
        {
            File.WriteAllText(file, written);
        }

        Assert.True(File.ReadAllText(file) == written, $"{file} is not what 'kubecop crds' says; run this test with KUBECOP_WRITE_DOCS=1");
    }

    [Fact]
    public void Definitions_EveryField_SaysWhatItIs()
    {
        foreach (var definition in CustomResourceDefinitions.All(ResourceScope.Cluster))
        {
            Walk(SchemaOf(definition), definition.Metadata.Name);
        }

        static void Walk(V1JSONSchemaProps schema, string path)
        {
            Assert.False(string.IsNullOrEmpty(schema.Type), $"{path} has no type: the schema is not structural");
            foreach (var (name, property) in schema.Properties ?? new Dictionary<string, V1JSONSchemaProps>())
            {
                Assert.True(name is "apiVersion" or "kind" or "metadata" || !string.IsNullOrEmpty(property.Description), $"{path}.{name} has no description");
                Walk(property, $"{path}.{name}");
            }

            if (schema.Items is V1JSONSchemaProps items)
            {
                Walk(items, $"{path}[]");
            }
        }
    }

    [Fact]
    public void Profile_Columns_AreThosePeopleLookAt() => Assert.Equal(
        ["Phase", "Containers", "Execs", "Opens", "Lost", "Syscalls", "Connections", "Age"],
        Definition("applicationprofiles").Spec.Versions[0].AdditionalPrinterColumns.Select(static column => column.Name));

    [Fact]
    public void Binding_Enums_AreTheCatalog()
    {
        var rule = (V1JSONSchemaProps)SchemaOf(Definition("runtimerulealertbindings")).Properties["spec"].Properties["rules"].Items;

        Assert.Equal(RuleCatalog.Types.Select(static type => type.Descriptor.Id), rule.Properties["ruleID"].EnumProperty);
        Assert.Equal(RuleCatalog.Types.Count, rule.Properties["ruleName"].EnumProperty.Count);
        Assert.Contains("malicious", ((V1JSONSchemaProps)rule.Properties["ruleTags"].Items).EnumProperty);
    }

    [Fact]
    public void Binding_EverythingThatCanBeSaid_IsTakenByTheSchemaAndByTheReader()
    {
        Assert.Empty(Refusals("runtimerulealertbindings", AnyBinding, out var dropped));
        Assert.Empty(dropped);
        Assert.Empty(Read(AnyBinding).Errors);
        Assert.Empty(Unused("runtimerulealertbindings", AnyBinding));
    }

    [Fact]
    public void DefaultBinding_IsTaken() =>
        Assert.Empty(Refusals("runtimerulealertbindings", DefaultBindingText(), out _));

    [Theory]
    [InlineData("rules: [{ruleID: R9999}]", "rules[0].ruleID: Unsupported value")]
    [InlineData("rules: [{ruleName: Crypto}]", "rules[0].ruleName: Unsupported value")]
    [InlineData("rules: [{ruleTags: [crypt]}]", "rules[0].ruleTags[0]: Unsupported value")]
    [InlineData("rules: [{ruleID: R1000, ruleName: Exec from malicious source}]", "must validate one and only one schema (oneOf)")]
    [InlineData("rules: [{severity: high}]", "must validate one and only one schema (oneOf)")]
    [InlineData("rules: [{ruleID: R1000, severity: hihg}]", "severity in body should match")]
    [InlineData("rules: [{ruleID: R1000, parameters: [1]}]", "must be of type object")]
    [InlineData("podSelector: {matchExpressions: [{key: a, operator: Is}]}", "operator: Unsupported value")]
    [InlineData("podSelector: {matchExpressions: [{operator: Exists}]}", "key: Required value")]
    public void Binding_WhatIsWrong_IsRefusedByTheSchema(string spec, string expected) => Assert.Contains(
        Refusals("runtimerulealertbindings", $"spec: {{{spec}}}", out _), error => error.Contains(expected, StringComparison.Ordinal));

    [Fact]
    public void Profile_OfKubeCop_IsTakenByTheSchemaAndByTheReader()
    {
        Assert.Empty(Refusals("applicationprofiles", AnyProfile, out var dropped));
        Assert.Empty(dropped);
        Assert.Equal(2, ProfileReader.Read("p.yaml", Encoding.UTF8.GetBytes(AnyProfile), DateTimeOffset.UnixEpoch).Containers.Count);
    }

    [Theory]
    [InlineData("containers: [{name: a}, {name: a}]", "spec.containers[1]: Duplicate value")]
    [InlineData("containers: [{syscalls: []}]", "spec.containers[0].name: Required value")]
    [InlineData("containers: [{name: a, networkActivity: {incoming: [{port: 70000}]}}]", "port in body should be between")]
    [InlineData("containers: [{name: a, syscalls: read}]", "must be of type array")]
    public void Profile_WhatIsWrong_IsRefusedByTheSchema(string spec, string expected) => Assert.Contains(
        Refusals("applicationprofiles", $"spec: {{{spec}}}", out _), error => error.Contains(expected, StringComparison.Ordinal));

    [Fact]
    public void UnknownFields_AreDropped()
    {
        Assert.Empty(Refusals("applicationprofiles", "spec: {containers: [{name: a, sycsalls: [read]}]}", out var dropped));
        Assert.Equal("spec.containers[0].sycsalls", Assert.Single(dropped));
    }

    private static BindingReading Read(string yaml)
    {
        var documents = new YamlDocuments();
        documents.Add("b.yaml", Encoding.UTF8.GetBytes(yaml));
        return BindingReader.Read("b.yaml", new BindingInput("", documents.Documents, documents.Errors));
    }

    private static V1CustomResourceDefinition Definition(string plural) =>
        CustomResourceDefinitions.All(ResourceScope.Cluster).Single(definition => definition.Spec.Names.Plural == plural);

    private static V1JSONSchemaProps SchemaOf(V1CustomResourceDefinition definition) => definition.Spec.Versions[0].Schema.OpenAPIV3Schema;

    private static JsonObject Parse(string yaml) => JsonNode.Parse(KubernetesJson.Serialize(KubernetesYaml.Deserialize<object>(yaml)))!.AsObject();

    private static IReadOnlyList<string> Refusals(string plural, string yaml, out IReadOnlyList<string> dropped)
    {
        var resource = Parse(yaml);
        var before = Paths(resource).ToHashSet(StringComparer.Ordinal);
        var errors = StructuralSchema.Apply(SchemaOf(Definition(plural)), resource);
        before.ExceptWith(Paths(resource));
        dropped = [.. before];
        return errors;
    }

    /// <summary>Fields that a schema has and a resource has not.</summary>
    private static IEnumerable<string> Unused(string plural, string yaml)
    {
        var used = Paths(Parse(yaml)).Select(static path => Regex.Replace(path, @"\[\d+\]", "")).ToHashSet(StringComparer.Ordinal);
        return Fields(SchemaOf(Definition(plural)), "").Where(field => !used.Contains(field));

        static IEnumerable<string> Fields(V1JSONSchemaProps schema, string path) => (schema.Properties ?? new Dictionary<string, V1JSONSchemaProps>())
            .SelectMany(property => (string[])[$"{path}{property.Key}", .. Fields(property.Value.Items as V1JSONSchemaProps ?? property.Value, $"{path}{property.Key}.")])
            .Where(static field => !field.StartsWith("spec.podSelector.", StringComparison.Ordinal));
    }

    private static IEnumerable<string> Paths(JsonNode? node, string path = "") => node switch
    {
        JsonObject map => map.SelectMany(field => Paths(field.Value, path.Length == 0 ? field.Key : $"{path}.{field.Key}").Prepend(path.Length == 0 ? field.Key : $"{path}.{field.Key}")),
        JsonArray list => list.SelectMany((item, index) => Paths(item, $"{path}[{index}]")),
        _ => [],
    };

    private static string DefaultBindingText()
    {
        using var reader = new StreamReader(typeof(DefaultBinding).Assembly.GetManifestResourceStream("default-binding.yaml")!);
        return reader.ReadToEnd();
    }
}
