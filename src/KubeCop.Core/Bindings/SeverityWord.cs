using System.Globalization;
using KubeCop.Core.Rules;

namespace KubeCop.Core.Bindings;

/// <summary>Severities as people write them in bindings.</summary>
public static class SeverityWord
{
    public const string Accepted = "none, low, medium, high, critical, system, or one of KubeCop's priorities from 0 to 10, or 1000";

    /// <summary>What <see cref="TryParse"/> takes, as a regular expression of RE2.</summary>
    public const string Pattern = "^(0*([0-9]|10|1000)|(?i:none|low|med|medium|high|critical|system|system_issue|systemissue))$";

    /// <summary>The words in any case, KubeCop's other spellings of them, and its priorities with the words it gave those in between.</summary>
    public static bool TryParse(string text, out Severity severity)
    {
        severity = text.ToLowerInvariant() switch
        {
            "none" => Severity.None,
            "low" => Severity.Low,
            "med" or "medium" => Severity.Medium,
            "high" => Severity.High,
            "critical" => Severity.Critical,
            "system" or "system_issue" or "systemissue" => Severity.System,
            _ => (Severity)(-1),
        };
        if (severity >= 0)
        {
            return true;
        }

        severity = !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var priority) ? (Severity)(-1) : priority switch
        {
            0 => Severity.None,
            < 5 => Severity.Low,
            < 8 => Severity.Medium,
            < 10 => Severity.High,
            10 => Severity.Critical,
            1000 => Severity.System,
            _ => (Severity)(-1),
        };
        return severity >= 0;
    }
}
