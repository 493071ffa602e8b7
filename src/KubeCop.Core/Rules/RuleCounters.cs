using System.Collections.Concurrent;

namespace KubeCop.Core.Rules;

/// <summary>Why a rule that could have said something said nothing, or was not heard.</summary>
public enum Suppression
{
    /// <summary>No rule at all is bound to the container.</summary>
    NoRules,

    /// <summary>The profile it compares with is not complete, or does not know events of this kind.</summary>
    ProfileIncomplete,

    /// <summary>Too many events waited for the profile it compares with.</summary>
    HeldOverflow,

    /// <summary>A repeat within the folding window: counted in the summary.</summary>
    Fold,

    /// <summary>The rule raised more alerts in the container than it may: counted in the summary of the one that said so.</summary>
    RateLimit,

    /// <summary>An exporter gave it up, or had no room; counted for each exporter.</summary>
    ExporterDrop,
}

/// <summary>What the rules of this node did, by rule. From any thread.</summary>
public sealed class RuleCounters
{
    /// <summary>Stands for the rule where none is concerned.</summary>
    public const string NoRule = "none";

    private readonly ConcurrentDictionary<string, RuleCount> _counts = new(StringComparer.Ordinal);
    private long _foldingOverflows;

    /// <summary>Of one rule; keep it, to save looking it up again.</summary>
    public RuleCount Of(string ruleId) => _counts.GetOrAdd(ruleId, static _ => new RuleCount());

    /// <summary>All rules that were in force at some time, by id; and <see cref="NoRule"/>.</summary>
    public IReadOnlyDictionary<string, RuleCount> All => _counts;

    /// <summary>Alerts whose repeats are not folded, because their container had too many folding windows open.</summary>
    public long FoldingOverflows => Interlocked.Read(ref _foldingOverflows);

    public void AddFoldingOverflow() => Interlocked.Increment(ref _foldingOverflows);

    /// <summary>What all rules did not say for this reason.</summary>
    public long SuppressedFor(Suppression reason) => _counts.Values.Sum(count => count.SuppressedFor(reason));
}

/// <summary>Counts of one rule, over all containers since the start of this process.</summary>
public sealed class RuleCount
{
    /// <summary>
    /// Of so many evaluations of all rules one is timed: a clock around each would cost as much as some rules do. A prime, so that no rule is
    /// passed over for ever because the same rules are asked in the same order.
    /// </summary>
    public const int TimedOneOf = 251;

    private readonly long[] _suppressed = new long[Enum.GetValues<Suppression>().Length];
    private long _evaluations;
    private long _alerts;
    private long _failures;
    private long _timedNanoseconds;

    /// <summary>Events it was asked about.</summary>
    public long Evaluations => Interlocked.Read(ref _evaluations);

    /// <summary>Alerts raised, repeats not counted.</summary>
    public long Alerts => Interlocked.Read(ref _alerts);

    /// <summary>Times it threw instead of judging.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    /// <summary>Time spent in its evaluations, estimated: each that is timed stands for <see cref="TimedOneOf"/>.</summary>
    public TimeSpan Time => TimeSpan.FromTicks(Interlocked.Read(ref _timedNanoseconds) * TimedOneOf / TimeSpan.NanosecondsPerTick);

    public long SuppressedFor(Suppression reason) => Interlocked.Read(ref _suppressed[(int)reason]);

    /// <summary>One evaluation was timed; most take less than a <see cref="TimeSpan"/> can tell.</summary>
    public void AddTimed(long nanoseconds) => Interlocked.Add(ref _timedNanoseconds, nanoseconds);

    public void AddEvaluations(long count) => Interlocked.Add(ref _evaluations, count);

    public void AddAlert() => Interlocked.Increment(ref _alerts);

    public void AddFailure() => Interlocked.Increment(ref _failures);

    public void AddSuppressed(Suppression reason, long count = 1) => Interlocked.Add(ref _suppressed[(int)reason], count);
}
