namespace KubeCop.Core.Rules;

/// <summary>How people on a node reach its silo, for the commands in alerts.</summary>
/// <param name="Program">What they type for kubecop, as a shell takes it.</param>
/// <param name="DataDirectory">The silo's, where it has to be said; null for the default one.</param>
public sealed record SiloCommand(string Program = "kubecop", string? DataDirectory = null)
{
    public static SiloCommand Default { get; } = new();
}
