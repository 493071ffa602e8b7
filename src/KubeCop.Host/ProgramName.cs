namespace KubeCop.Host;

/// <summary>What people type to run this program, for the commands that are suggested to them.</summary>
internal static class ProgramName
{
    /// <summary>Set by what runs it under another name, as <c>tools/kubecop</c> of a source tree does; as a shell takes it.</summary>
    public const string Variable = "KUBECOP_COMMAND";

    public static string Value { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } name ? name : "kubecop";
}
