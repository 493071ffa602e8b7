namespace KubeCop.Core.Alerts;

/// <summary>How many alerts there may be. Section <c>KubeCop:Alerts</c>.</summary>
public sealed class AlertOptions
{
    public const string Section = "KubeCop:Alerts";

    /// <summary>
    /// The most alerts that one rule raises in one container within 60 s, repeats not counted. The next one says that others are only
    /// counted, and is followed by their number. A budget for each rule, so that a flood of one cannot hide what another finds. At least 1.
    /// Default: 100.
    /// </summary>
    public int MaxPerMinute { get; set; } = 100;
}
