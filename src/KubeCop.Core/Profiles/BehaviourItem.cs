using KubeCop.Core.Events;

namespace KubeCop.Core.Profiles;

/// <summary>One thing a container was seen doing: the unit of a profile, a delta and the journal. Equal when it is the same behaviour.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.BehaviourItem")]
public abstract record BehaviourItem;

/// <summary>A program that was executed.</summary>
/// <param name="Path">The invoked path made absolute (KubeCop's meaning of an exec entry's path).</param>
/// <param name="Executable">The executable it resolved to.</param>
/// <param name="Arguments">argv without the program's name.</param>
[GenerateSerializer, Immutable, Alias("kubecop.ExecItem")]
public sealed record ExecItem([property: Id(0)] string Path, [property: Id(1)] string Executable, [property: Id(2)] ArgumentList Arguments) : BehaviourItem;

/// <summary>A file that was opened, with flags as a set (<see cref="OpenFlags.ToSet"/>).</summary>
[GenerateSerializer, Immutable, Alias("kubecop.OpenItem")]
public sealed record OpenItem([property: Id(0)] string Path, [property: Id(1)] uint Flags) : BehaviourItem;

/// <summary>Arguments with value equality.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ArgumentList")]
public sealed class ArgumentList(IReadOnlyList<string> values) : IEquatable<ArgumentList>
{
    [Id(0)] public IReadOnlyList<string> Values { get; } = values;

    public bool Equals(ArgumentList? other) => other is not null && Values.SequenceEqual(other.Values, StringComparer.Ordinal);

    public override bool Equals(object? obj) => Equals(obj as ArgumentList);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var value in Values)
        {
            hash.Add(value, StringComparer.Ordinal);
        }

        return hash.ToHashCode();
    }
}
