namespace KubeCop.Host.Configuration;

/// <summary>Which rules are in force for whom. Section <c>KubeCop:Bindings</c>.</summary>
internal sealed class BindingOptions
{
    public const string Section = "KubeCop:Bindings";

    /// <summary>
    /// A YAML file with <c>RuntimeRuleAlertBinding</c> objects, or a directory of such files; changes of it take effect within a second.
    /// Default: empty, for those of the API server, or without one the binding the program brings along.
    /// </summary>
    public string Path { get; set; } = "";
}
