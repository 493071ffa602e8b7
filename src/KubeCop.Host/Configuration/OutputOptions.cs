using KubeCop.Exporters.Stdout;

namespace KubeCop.Host.Configuration;

/// <summary>What is written to the terminal. Section <c>KubeCop:Output</c>.</summary>
internal sealed class OutputOptions
{
    public const string Section = "KubeCop:Output";

    /// <summary>Form of the alerts on standard output: <c>text</c> or <c>json</c>. Default: text on a terminal, else json.</summary>
    public OutputFormat Format { get; set; } = Console.IsOutputRedirected ? OutputFormat.Json : OutputFormat.Text;

    /// <summary>Whether alerts go to standard output at all. Default: true, unless <c>STDOUT_ENABLED</c> is <c>false</c>.</summary>
    public bool Stdout { get; set; } = true;

    /// <summary>Whether logs tell details. Default: false, unless <c>DEBUG</c> is set.</summary>
    public bool Verbose { get; set; }

    /// <summary>Whether logs tell only of trouble. Default: false.</summary>
    public bool Quiet { get; set; }
}
