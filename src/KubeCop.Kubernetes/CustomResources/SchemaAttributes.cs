using System.ComponentModel.DataAnnotations;
using KubeCop.Core.Rules;

namespace KubeCop.Kubernetes.CustomResources;

/// <summary>A type that is a custom resource: <c>spec</c> and, where it has one, <c>status</c>.</summary>
/// <param name="kind">In the group <see cref="CustomResourceDefinitions.Group"/>.</param>
/// <param name="plural">In paths of the API.</param>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class CustomResourceAttribute(string kind, string plural) : Attribute
{
    public string Kind { get; } = kind;

    public string Plural { get; } = plural;

    public string[] ShortNames { get; init; } = [];
}

/// <summary>A column of <c>kubectl get</c>, in the order in which they are declared.</summary>
/// <param name="path">In the object, as <c>.status.phase</c>.</param>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true)]
internal sealed class PrinterColumnAttribute(string name, string type, string path) : Attribute
{
    public string Name { get; } = name;

    public string Type { get; } = type;

    public string Path { get; } = path;

    public string Description { get; init; } = "";

    /// <summary>Shown with <c>-o wide</c> only.</summary>
    public bool IsWide { get; init; }
}

/// <summary>A list in which this field tells its elements apart: two with the same are refused, and each has owners of its own.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ListKeyAttribute(string field) : Attribute
{
    public string Field { get; } = field;
}

/// <summary>Whatever object it is.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class AnyFieldsAttribute : Attribute;

/// <summary>Exactly one of these fields.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class ExactlyOneOfAttribute(params string[] fields) : Attribute
{
    public string[] Fields { get; } = fields;
}

/// <summary>An expression in CEL that holds for each value of the type, and what is said when it does not.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class CelRuleAttribute(string rule, string message) : Attribute
{
    public string Rule { get; } = rule;

    public string Message { get; } = message;
}

/// <summary>The words by which bindings name rules: of the catalog, so that a rule that is added is accepted.</summary>
internal enum RuleWord
{
    Name,
    Id,
    Tag,
}

/// <summary>One of the <see cref="RuleWord"/>s of the catalog.</summary>
internal sealed class RuleWordAttribute(RuleWord word) : AllowedValuesAttribute(Of(word))
{
    private static object[] Of(RuleWord word) =>
    [
        .. RuleCatalog.Types
            .SelectMany(type => word switch
            {
                RuleWord.Name => [type.Descriptor.Name],
                RuleWord.Id => [type.Descriptor.Id],
                _ => type.Descriptor.Tags,
            })
            .Distinct()
            .Order(StringComparer.Ordinal),
    ];
}
