using System.Collections.Concurrent;

namespace KubeCop.Core.Rules;

/// <summary>Why a rule that could have said something said nothing, or was not heard.</summary>
public enum Suppression
{
    /// <summary>The profile it compares with is not complete, or does not know events of this kind.</summary>
    ProfileIncomplete,

    /// <summary>A repeat within the folding window: counted in the summary.</summary>
    Fold,

    /// <summary>The container raised more alerts than it may.</summary>
    RateLimit,

    /// <summary>An exporter had no room.</summary>
    ExporterDrop,
}

/// <summary>What the rules of this node did, by rule. From any thread.</summary>
public sealed class RuleCounters
{
    private readonly ConcurrentDictionary<string, RuleCount> _counts = new(StringComparer.Ordinal);

    /// <summary>Of one rule; keep it, to save looking it up again.</summary>
    public RuleCount Of(string ruleId) => _counts.GetOrAdd(ruleId, static _ => new RuleCount());

    /// <summary>All rules that were in force at some time, by id.</summary>
    public IReadOnlyDictionary<string, RuleCount> All => _counts;
}

/// <summary>Counts of one rule, over all containers since the start of this process.</summary>
public sealed class RuleCount
{
    private readonly long[] _suppressed = new long[Enum.GetValues<Suppression>().Length];
    private long _evaluations;
    private long _alerts;
    private long _failures;

    /// <summary>Events it was asked about.</summary>
    public long Evaluations => Interlocked.Read(ref _evaluations);

    /// <summary>Alerts raised, repeats not counted.</summary>
    public long Alerts => Interlocked.Read(ref _alerts);

    /// <summary>Times it threw instead of judging.</summary>
    public long Failures => Interlocked.Read(ref _failures);

    public long SuppressedFor(Suppression reason) => Interlocked.Read(ref _suppressed[(int)reason]);

    public void AddEvaluations(long count) => Interlocked.Add(ref _evaluations, count);

    public void AddAlert() => Interlocked.Increment(ref _alerts);

    public void AddFailure() => Interlocked.Increment(ref _failures);

    public void AddSuppressed(Suppression reason, long count = 1) => Interlocked.Add(ref _suppressed[(int)reason], count);
}
