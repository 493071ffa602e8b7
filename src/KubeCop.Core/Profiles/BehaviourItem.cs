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
public sealed record ExecItem([property: Id(0)] string Path, [property: Id(1)] string Executable, [property: Id(2)] ArgumentList Arguments) : BehaviourItem
{
    /// <summary>The most argument lists kept of one program: some change with every run and would fill the profile.</summary>
    public const int MaxArgumentLists = 64;

    /// <summary>
    /// What people who allow a program with any arguments write as its only one. An entry that has neither an executable nor arguments means the
    /// same.
    /// </summary>
    public const string AnyArguments = "*";
}

/// <summary>A file that was opened, with flags as a set (<see cref="OpenFlags.ToSet"/>).</summary>
[GenerateSerializer, Immutable, Alias("kubecop.OpenItem")]
public sealed record OpenItem([property: Id(0)] string Path, [property: Id(1)] uint Flags) : BehaviourItem;

/// <summary>A system call that was made.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.SyscallItem")]
public sealed record SyscallItem([property: Id(0)] string Name) : BehaviourItem;

/// <summary>A capability that was used, or asked for in vain.</summary>
/// <param name="Name">Without <c>CAP_</c>.</param>
/// <param name="Syscall">The system call during which it was checked; <see cref="AnySyscall"/> for all of them.</param>
/// <param name="IsRefused">The process did not have it. That a check is refused every day says nothing about its being granted.</param>
[GenerateSerializer, Immutable, Alias("kubecop.CapabilityItem")]
public sealed record CapabilityItem(
    [property: Id(0)] string Name,
    [property: Id(1)] string Syscall,
    [property: Id(2)] bool IsRefused = false) : BehaviourItem
{
    /// <summary>What people who allow a capability for everything write as the system call.</summary>
    public const string AnySyscall = "*";
}

/// <summary>A name that was looked up, with what it led to.</summary>
/// <param name="Name">In lower case, without the final dot.</param>
/// <param name="Addresses">All addresses of one answer; empty for a query, or an answer without addresses.</param>
[GenerateSerializer, Immutable, Alias("kubecop.DnsItem")]
public sealed record DnsItem([property: Id(0)] string Name, [property: Id(1)] ArgumentList Addresses) : BehaviourItem
{
    /// <summary>The most addresses a profile keeps of one name: some names have new ones with every answer.</summary>
    public const int MaxAddresses = 64;
}

/// <summary>A connection.</summary>
/// <param name="Protocol">As in <see cref="NetworkDetails.Protocol"/>.</param>
/// <param name="Port">The service's port.</param>
/// <param name="Address">The peer of an outgoing connection; empty for incoming ones, whose peers are the clients.</param>
[GenerateSerializer, Immutable, Alias("kubecop.NetworkItem")]
public sealed record NetworkItem(
    [property: Id(0)] bool IsOutgoing,
    [property: Id(1)] string Protocol,
    [property: Id(2)] ushort Port,
    [property: Id(3)] string Address) : BehaviourItem;

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
