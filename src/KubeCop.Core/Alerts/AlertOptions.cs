namespace KubeCop.Core.Alerts;

/// <summary>How many alerts there may be, and what they show. Section <c>KubeCop:Alerts</c>.</summary>
public sealed class AlertOptions
{
    private ArgumentRedaction? _redaction;

    public const string Section = "KubeCop:Alerts";

    /// <summary>
    /// The most alerts that one rule raises in one container within 60 s, repeats not counted. The next one says that others are only
    /// counted, and is followed by their number. A budget for each rule, so that a flood of one cannot hide what another finds. At least 1.
    /// Default: 100.
    /// </summary>
    public int MaxPerMinute { get; set; } = 100;

    /// <summary>
    /// What alerts show as <c>***</c> in the arguments of programs, as of <see cref="ArgumentRedaction"/>; profiles are not changed by it. These
    /// are instead of <see cref="ArgumentRedaction.Default"/>, which is what null stands for; an empty list hides nothing. Default: null.
    /// </summary>
    public IList<string>? RedactArguments { get; set; }

    /// <summary>What <see cref="RedactArguments"/> says when it is first asked for.</summary>
    public ArgumentRedaction Redaction => _redaction ??= RedactArguments is null ? ArgumentRedaction.Default : new ArgumentRedaction(RedactArguments);
}
