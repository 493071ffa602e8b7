namespace KubeCop.Host.Configuration;

/// <summary>What the process may do once it detects. Section <c>KubeCop:Privileges</c>.</summary>
internal sealed class PrivilegeOptions
{
    public const string Section = "KubeCop:Privileges";

    /// <summary>
    /// Whether it keeps the capabilities it was started with, as debuggers and tracers of the process itself may need. Default: false, it drops
    /// all that it does not need as soon as the hooks are attached.
    /// </summary>
    public bool Keep { get; set; }
}
