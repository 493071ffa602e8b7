using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Malware;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Containers.Learning;
using Microsoft.Extensions.Logging;

namespace KubeCop.Grains.Containers;

/// <summary>
/// What is done with the events of one container: keep its process tree, learn, judge. Called from the turns of one grain, so it has no
/// locks; once behaviour is known, an event that raises no alert allocates nothing.
/// <para>
/// Signature rules judge every event at once. For the rest the event's own time decides, not when it arrives: before the end of learning it
/// is learned (unless a signature rule fired on it, or the kernel refused it), later it is judged by the profile. What cannot be decided yet,
/// because the assignment or the final profile has not arrived, is held back, one event of each behaviour.
/// </para>
/// </summary>
internal sealed partial class ContainerMonitor
{
    private const EventFlags NotBehaviour = EventFlags.Setup | EventFlags.Snapshot;

    /// <summary>No subject of a rule begins like this: the kernel's texts end at a NUL.</summary>
    private const string OverLimitSubject = "\0over the limit";

    private readonly NodeRules _node;
    private readonly IRepeatFilter _repeats;
    private readonly IKernelClock _clock;
    private readonly TimeProvider _time;
    private readonly LearningOptions _learning;
    private readonly AlertOptions _alertOptions;
    private readonly ArgumentRedaction _redaction;
    private readonly ILogger<ContainerMonitor> _logger;
    private readonly IExecutedFiles _executedFiles;
    private readonly bool _scansExecuted;
    private readonly AlertFolding _folding;
    private readonly ProcessTree _processes = new();
    private readonly ProfilePath _paths = new();
    private readonly HeldEvents _held = new();
    private readonly IgnoredOpens _ignored;
    private readonly HashSet<string> _failedRules = [];
    private readonly long[] _events = new long[(int)Enum.GetValues<EventKind>().Max() + 1];

    private RuleSet _rules = RuleSet.Empty;
    private RuleSet? _boundRules;
    private long _boundVersion = -1;
    private long[] _evaluations = [];

    /// <summary>Evaluations until one is timed. Not the same in all containers: those that live for less would never be.</summary>
    private int _untilTimed = Random.Shared.Next(RuleCount.TimedOneOf) + 1;

    private ContainerDescription? _container;
    private ProfileAssignment? _assignment;
    private CompiledProfile? _profile;
    private bool _isOwnProfile;
    private LearnedBehaviour _learned;
    private LearnedBehaviour? _unassigned;
    private FileWriters? _writers;

    /// <summary>What was done after the time at which learning was to end, while nobody has said that it has.</summary>
    private LearnedBehaviour? _undecided;
    private long _learningDroppedBefore;
    private long _lostSinceTaken;

    public ContainerMonitor(
        NodeRules rules,
        IAlertDispatcher alerts,
        IRepeatFilter repeats,
        IKernelClock clock,
        TimeProvider time,
        LearningOptions learning,
        AlertOptions alertOptions,
        ILogger<ContainerMonitor> logger,
        IExecutedFiles? executedFiles = null)
    {
        _repeats = repeats;
        _node = rules;
        _clock = clock;
        _time = time;
        _learning = learning;
        _alertOptions = alertOptions;

        // Made here and not with the first alert, which would wait for it.
        _redaction = alertOptions.Redaction;
        _logger = logger;
        _executedFiles = executedFiles ?? NoExecutedFiles.Instance;
        _scansExecuted = _executedFiles.IsEnabled;
        _folding = new AlertFolding(alerts, time, alertOptions.MaxPerMinute);
        _learned = new LearnedBehaviour(learning.MaxEntriesPerKind);
        _ignored = new IgnoredOpens(learning);
    }

    /// <summary>Events ingested.</summary>
    public long Events { get; private set; }

    /// <summary>The same by kind, as far as there were any.</summary>
    public Dictionary<EventKind, long> EventsByKind =>
        Enum.GetValues<EventKind>().Where(kind => _events[(int)kind] > 0).ToDictionary(static kind => kind, kind => _events[(int)kind]);

    /// <summary>Events of this container lost on their way here.</summary>
    public long EventsLost { get; private set; }

    /// <summary>Events that nobody judged because no rule is bound to the container.</summary>
    public long EventsUnjudged { get; private set; }

    /// <summary>When such a loss became known last.</summary>
    public DateTimeOffset? LossSeenAt { get; private set; }

    /// <summary>Alerts raised, repeats not counted.</summary>
    public long Alerts { get; private set; }

    /// <summary>Live processes.</summary>
    public int Processes => _processes.Count;

    /// <summary>Live processes the tree forgot to make room.</summary>
    public long ProcessesDropped => _processes.Dropped;

    /// <summary>Events not learned because the profile has too much of their kind.</summary>
    public long LearningDropped => _learningDroppedBefore + _learned.Dropped;

    /// <summary>Events neither learned nor judged by the profile because too many were held back.</summary>
    public long HeldDropped => _held.Dropped;

    /// <summary>Times a rule threw instead of judging.</summary>
    public long RuleFailures { get; private set; }

    /// <summary>The container is known, or known better. Events from before are judged now.</summary>
    public void Describe(ContainerDescription container)
    {
        _container = container;
        Bind();
        DecideHeld();
    }

    /// <inheritdoc cref="Assign(ProfileAssignment, CompiledProfile?)"/>
    public void Assign(ProfileAssignment assignment) => Assign(assignment, _profile);

    /// <summary>What to do with events. Another slot or generation than before makes it learn from nothing.</summary>
    /// <param name="profile">See <see cref="Guard"/>.</param>
    public void Assign(ProfileAssignment assignment, CompiledProfile? profile)
    {
        if (_assignment is { } before && (before.Slot != assignment.Slot || before.Generation != assignment.Generation))
        {
            _learningDroppedBefore += _learned.Dropped;
            _learned = new LearnedBehaviour(_learning.MaxEntriesPerKind);
            ForgetRepeats();
        }

        (_assignment, _unassigned, _undecided) = (assignment, null, null);
        Guard(profile);
    }

    /// <summary>Its assignment holds no more: until the next one events are held back, and nothing of before counts as learned.</summary>
    public void Unassign()
    {
        _learningDroppedBefore += _learned.Dropped;
        _learned = new LearnedBehaviour(_learning.MaxEntriesPerKind);
        (_assignment, _profile, _isOwnProfile, _undecided) = (null, null, false, null);
        ForgetRepeats();
    }

    /// <summary>
    /// The profile in force. While the container's own revision learns it may be an older one: then deviations from it are alerts of one
    /// severity less, marked as learning, once for each new behaviour.
    /// </summary>
    public void Guard(CompiledProfile? profile)
    {
        if (profile != _profile)
        {
            // What another profile, or none, has let pass is to be judged by this one.
            ForgetRepeats();
        }

        _profile = profile;
        _isOwnProfile = profile is not null && _assignment is not null && IsOwn(profile.Profile, _assignment);
        if (_isOwnProfile)
        {
            _learned.Forget(profile!);
        }

        DecideHeld();
    }

    /// <summary>Takes events in the order of the kernel. Keeps nothing of the batch itself.</summary>
    public void Ingest(EventBatch batch)
    {
        if (batch.LostBefore > 0)
        {
            _lostSinceTaken += batch.LostBefore;
            EventsLost += batch.LostBefore;
            LossSeenAt = _time.GetUtcNow();
        }

        if (_boundVersion != _node.Bindings.Version)
        {
            Bind();
        }

        Events += batch.Count;
        var hasNoRules = _container is not null && _rules.Rules.Count == 0;
        var unjudged = 0;
        foreach (ref readonly var sensorEvent in batch.Events)
        {
            _events[(int)sensorEvent.Kind < _events.Length ? (int)sensorEvent.Kind : 0]++;
            _processes.Apply(sensorEvent);
            if ((sensorEvent.Flags & NotBehaviour) != 0)
            {
                // What runs already when it is first seen may be malware as well.
                if (MayScan(sensorEvent) && (sensorEvent.Flags & EventFlags.Setup) == 0)
                {
                    SubmitExecuted(sensorEvent, process: null);
                }

                continue;
            }

            if (_scansExecuted && FileWriters.IsWriting(sensorEvent))
            {
                (_writers ??= new FileWriters()).Add(sensorEvent, _processes.ExecutableOf(sensorEvent.Process.Key));
            }

            if (IsWatched(sensorEvent.Kind))
            {
                Observe(sensorEvent);
            }

            if (hasNoRules && IsBehaviour(sensorEvent.Kind))
            {
                unjudged++;
            }
        }

        if (unjudged > 0)
        {
            EventsUnjudged += unjudged;
            _node.Counters.Of(RuleCounters.NoRule).AddSuppressed(Suppression.NoRules, unjudged);
        }
    }

    /// <summary>What was learned since the last call, for the journal.</summary>
    public IReadOnlyList<ObservedItem> TakeLearned() => _learned.TakeNew();

    /// <summary>Whether something cannot be learned before <see cref="HandedOver"/>.</summary>
    public bool AwaitsRoom => _learned.AwaitsRoom;

    /// <summary>All that was learned so far is stored: where there is no room for more, it is made.</summary>
    public void HandedOver() => _learned.HandedOver();

    /// <summary>What was seen since the last call that is to be learned or judged when there is an assignment, for the journal until then.</summary>
    public IReadOnlyList<ObservedItem> TakeUnassigned() => _unassigned?.TakeNew() ?? [];

    /// <summary>What was seen since the last call that the workload learns if it has not stopped at the time it was to, for the journal.</summary>
    public IReadOnlyList<ObservedItem> TakeUndecided() => _undecided?.TakeNew() ?? [];

    /// <summary>Events lost since the last call.</summary>
    public long TakeLost()
    {
        var lost = _lostSinceTaken;
        _lostSinceTaken = 0;
        return lost;
    }

    /// <summary>Sends the summaries that are due. To be called about once a second.</summary>
    public void Tick()
    {
        if (_boundVersion != _node.Bindings.Version)
        {
            Bind();
        }

        _folding.CloseDue();
        Count();
    }

    /// <summary>The container has ended: sends all summaries.</summary>
    public void Complete()
    {
        _folding.CloseAll();
        Count();
    }

    private static bool IsOwn(ContainerProfile profile, ProfileAssignment assignment) =>
        assignment.State != ProfileState.Learning
        || (profile.Revision == assignment.Slot.Revision && profile.IsPartial == assignment.Slot.Partial && profile.Generation == assignment.Generation);

    private bool IsWatched(EventKind kind) => _learned.Learns(kind) || (_container is null ? IsBehaviour(kind) : _rules.Signatures(kind).Length > 0);

    // Forks and exits only complete the process tree.
    private static bool IsBehaviour(EventKind kind) => kind is not (EventKind.Fork or EventKind.Exit);

    /// <summary>Takes the rules now in force. Those that were in force before go on with what they remember.</summary>
    private void Bind()
    {
        if (_container is null)
        {
            return;
        }

        _boundVersion = _node.Bindings.Version;
        var bound = _node.Bindings.RulesOf(_container);
        if (bound == _boundRules)
        {
            return;
        }

        Count();
        var isMore = _boundRules is { } before && bound.InForce.Any(rule => !before.InForce.Contains(rule));
        (_boundRules, _rules) = (bound, bound.ForContainer(_rules));
        _evaluations = new long[_rules.Rules.Count];
        if (isMore)
        {
            // What was passed without the new rules is to be judged by them.
            ForgetRepeats();
        }
    }

    private void Count()
    {
        for (var i = 0; i < _evaluations.Length; i++)
        {
            if (_evaluations[i] > 0)
            {
                _node.Counters.Of(_rules.Rules[i].Rule.Descriptor.Id).AddEvaluations(_evaluations[i]);
                _evaluations[i] = 0;
            }
        }
    }

    private void Observe(in SensorEvent sensorEvent)
    {
        if (_container is null)
        {
            Hold(sensorEvent, sensorEvent, isSuspicious: null, process: null);
        }
        else
        {
            Decide(sensorEvent, isSuspicious: null, process: null);
        }
    }

    /// <summary>Learns or judges an event, or holds it back.</summary>
    /// <param name="isSuspicious">Whether a signature rule has fired; null when they have not been asked.</param>
    /// <param name="process">Null when the process tree tells it.</param>
    private void Decide(in SensorEvent sensorEvent, bool? isSuspicious, AlertProcess? process)
    {
        if (isSuspicious is null && MayScan(sensorEvent))
        {
            SubmitExecuted(sensorEvent, process);
        }

        var at = _clock.ToUtc(sensorEvent.Timestamp);
        var isLearning = _assignment is { State: ProfileState.Learning } && at < _assignment.CompletesAt;
        var suspicious = isSuspicious ?? Judge(_rules.Signatures(sensorEvent.Kind), sensorEvent, sensorEvent, at, isLearning, process);
        if (!_learned.Learns(sensorEvent.Kind))
        {
            return;
        }

        if (_paths.NameOf(sensorEvent) is { } name)
        {
            CompareAs(name, sensorEvent, at, isLearning, suspicious, process);
        }
        else
        {
            Compare(sensorEvent, sensorEvent, at, isLearning, suspicious, process);
        }
    }

    private bool MayScan(in SensorEvent sensorEvent) => _scansExecuted && sensorEvent is { Kind: EventKind.Exec, IsRefused: false };

    /// <summary>
    /// Has what was started scanned, if it is not of the image: by the kernel's word on the executable, or because this container wrote it, which
    /// covers volumes and scripts too.
    /// </summary>
    private void SubmitExecuted(in SensorEvent exec, AlertProcess? process)
    {
        if ((exec.Flags & ExecutedFile.Drifted) != 0 || _writers?.Knows(exec.Executable) == true)
        {
            Submit(exec, exec.Executable, exec.Flags, process);
        }

        if (_writers?.Knows(exec.Path) == true && exec.Path != exec.Executable)
        {
            Submit(exec, exec.Path, exec.Flags & ~ExecutedFile.Drifted, process);
        }
    }

    private void Submit(in SensorEvent exec, string path, EventFlags flags, AlertProcess? process)
    {
        if (_container is { } container)
        {
            var acting = process ?? _processes.Describe(exec, _clock);
            acting = acting with { Arguments = _redaction.Hide(acting.Arguments) };
            _executedFiles.Submit(new ExecutedFile(container, exec.Process.Key, acting, path, flags, _writers?.Of(path, _clock)));
        }
    }

    // Apart, so that only the few events whose path has another name in profiles are copied.
    private void CompareAs(string name, in SensorEvent original, DateTimeOffset at, bool isLearning, bool suspicious, AlertProcess? process)
    {
        var named = original;
        named.Path = name;
        Compare(named, original, at, isLearning, suspicious, process);
    }

    private void Compare(in SensorEvent named, in SensorEvent original, DateTimeOffset at, bool isLearning, bool suspicious, AlertProcess? process)
    {
        if (named.Kind == EventKind.Open && _ignored.Covers(named.Path, _container!.Mounts))
        {
            return;
        }

        if (_assignment is null)
        {
            if (!suspicious && !IsAttempt(named))
            {
                (_unassigned ??= new LearnedBehaviour(_learning.MaxEntriesPerKind)).Learn(named, at);
            }

            Hold(named, original, suspicious, process);
        }
        else if (at < _assignment.CompletesAt)
        {
            if (!suspicious && !(_isOwnProfile && _profile!.Covers(named)) && (IsAttempt(named) || Learn(named, at)) && !_isOwnProfile)
            {
                JudgeByProfile(named, original, at, isLearning, process);
            }
        }
        else if (!_isOwnProfile)
        {
            if (_assignment.State == ProfileState.Learning && !suspicious && !IsAttempt(named))
            {
                (_undecided ??= new LearnedBehaviour(_learning.MaxEntriesPerKind)).Learn(named, at);
            }

            Hold(named, original, suspicious, process);
        }
        else if (!_learned.Covers(named))
        {
            // What this container learned just before the end is on its way into the profile.
            JudgeByProfile(named, original, at, isLearning, process);
            EndLikeIt(named);
        }
    }

    /// <summary>
    /// Has the sensor report no more of what differs from an open only by the file's name, if that makes no difference to anybody: the
    /// profile knows all names there, and no rule that does not compare with it has to see them.
    /// </summary>
    private void EndLikeIt(in SensorEvent named)
    {
        if (named.Kind != EventKind.Open || named.Directory == 0 || OpenFlags.ToSet(named.Value) is var flags && (_profile!.OpenFlagsBeside(named.Path) & flags) != flags
            || SensitivePaths.Covers(named.Path))
        {
            return;
        }

        foreach (var bound in _rules.For(EventKind.Open))
        {
            if (bound.Rule.NeedsOthersBeside(named.Path))
            {
                return;
            }
        }

        _repeats.EndOpensIn(_container!.CgroupId, named.Directory);
    }

    // A refused check of a capability is learned as such: most are made on the way of doing something else, all the time.
    private static bool IsAttempt(in SensorEvent sensorEvent) => sensorEvent.IsRefused && sensorEvent.Kind != EventKind.Capability;

    // A profile of before a kind was learned must not make all of it look new.
    private void JudgeByProfile(in SensorEvent named, in SensorEvent original, DateTimeOffset at, bool isLearning, AlertProcess? process)
    {
        if (_profile is not null && _profile.Knows(named.Kind))
        {
            Judge(_rules.Deviations(named.Kind), named, original, at, isLearning, process);
            return;
        }

        CountUnheard(named.Kind, Suppression.ProfileIncomplete);
    }

    /// <summary>Counts that the rules which compare with the profile were not asked about an event.</summary>
    private void CountUnheard(EventKind kind, Suppression reason)
    {
        foreach (var bound in _rules.Deviations(kind))
        {
            _node.Counters.Of(bound.Rule.Descriptor.Id).AddSuppressed(reason);
        }
    }

    private bool Learn(in SensorEvent sensorEvent, DateTimeOffset at)
    {
        var dropped = _learned.Dropped;
        var isNew = _learned.Learn(sensorEvent, at);
        if (dropped == 0 && _learned.Dropped > 0)
        {
            LogWarningTooMuchToLearn(_container!.Id, _learning.MaxEntriesPerKind, ExecItem.MaxArgumentLists);
        }

        return isNew;
    }

    private void Hold(in SensorEvent named, in SensorEvent original, bool? isSuspicious, AlertProcess? process)
    {
        var dropped = _held.Dropped;
        if (_held.TryReserve(named))
        {
            _held.Add(new HeldEvent(original, isSuspicious, process ?? _processes.Describe(original, _clock)));
        }
        else if (_held.Dropped > dropped)
        {
            CountUnheard(named.Kind, Suppression.HeldOverflow);
            if (dropped == 0)
            {
                LogWarningTooManyHeld(_container?.Id ?? "unknown", _held.Count);
            }
        }
    }

    private void DecideHeld()
    {
        if (_held.Count == 0 || _container is null)
        {
            return;
        }

        foreach (var held in _held.TakeAll())
        {
            Decide(held.Event, held.IsSuspicious, held.Process);
        }
    }

    /// <param name="judged">What the rules look at.</param>
    /// <param name="original">What the alert shows.</param>
    /// <returns>Whether a rule found something.</returns>
    private bool Judge(ReadOnlySpan<BoundRule> rules, in SensorEvent judged, in SensorEvent original, DateTimeOffset at, bool isLearning, AlertProcess? process)
    {
        var found = false;
        var context = new RuleContext(_container!, _profile, _node.ApiServer, _node.Command);
        foreach (var bound in rules)
        {
            _evaluations[bound.Index]++;
            if (judged.Sighting != 0 && NeedsEvery(bound.Rule, judged))
            {
                _repeats.ReportEach(_container!.CgroupId, judged.Sighting);
            }

            if ((--_untilTimed > 0 ? Evaluate(bound.Rule, judged, context) : EvaluateTimed(bound.Rule, judged, context)) is { } finding)
            {
                found = true;
                Raise(bound, finding, judged, original, at, isLearning, process);
            }
        }

        return found;
    }

    private static bool NeedsEvery(IRule rule, in SensorEvent sensorEvent) =>
        rule.Descriptor.Delivery == Delivery.Every && rule.NeedsEvery(sensorEvent);

    private Finding? EvaluateTimed(IRule rule, in SensorEvent sensorEvent, in RuleContext context)
    {
        _untilTimed = RuleCount.TimedOneOf;
        var started = _time.GetTimestamp();
        var finding = Evaluate(rule, sensorEvent, context);
        var elapsed = _time.GetTimestamp() - started;
        _node.Counters.Of(rule.Descriptor.Id).AddTimed(elapsed * 1_000_000_000 / _time.TimestampFrequency);
        return finding;
    }

    private Finding? Evaluate(IRule rule, in SensorEvent sensorEvent, in RuleContext context)
    {
        try
        {
            return rule.Evaluate(sensorEvent, context);
        }
        catch (Exception exception)
        {
            // One broken rule must not silence the others.
            RuleFailures++;
            _node.Counters.Of(rule.Descriptor.Id).AddFailure();
            if (_failedRules.Add(rule.Descriptor.Id))
            {
                LogErrorRuleFailed(exception, rule.Descriptor.Id, _container!.Id);
            }

            return null;
        }
    }

    /// <param name="judged">What the rule looked at.</param>
    /// <param name="sensorEvent">What the alert shows.</param>
    private void Raise(BoundRule bound, Finding finding, in SensorEvent judged, in SensorEvent sensorEvent, DateTimeOffset at, bool isLearning, AlertProcess? process)
    {
        var rule = bound.Rule.Descriptor;
        var container = _container!;
        if (sensorEvent.Sighting != 0 && !NeedsEvery(bound.Rule, sensorEvent))
        {
            _repeats.ReportRepeats(container.CgroupId, sensorEvent.Sighting);
        }

        var repeats = Math.Max(sensorEvent.Repeats, 1);
        var count = _node.Counters.Of(rule.Id);
        var fate = _folding.Offer(rule.Id, finding.Subject, at, repeats);
        if (fate is AlertFate.Folded or AlertFate.OverLimit)
        {
            count.AddSuppressed(fate == AlertFate.Folded ? Suppression.Fold : Suppression.RateLimit, repeats);
            return;
        }

        Alerts++;
        count.AddAlert();
        var shown = sensorEvent;
        var acting = HideSecrets(process ?? _processes.Describe(sensorEvent, _clock), ref shown);
        var told = ReferenceEquals(shown.Details, sensorEvent.Details) ? finding : Retell(bound.Rule, finding, judged, shown.Details);
        var alert = new Alert
        {
            Id = Guid.CreateVersion7(_time.GetUtcNow()).ToString(),
            State = AlertState.New,
            RuleId = rule.Id,
            RuleName = rule.Name,
            Severity = isLearning && rule.NeedsProfile ? OneLower(bound.Severity) : bound.Severity,
            Message = told.Message,
            Timestamp = at,
            FirstSeen = at,
            LastSeen = at,
            Count = 1,

            // It leaves this node, and whoever has it could try secrets until one fits; repeats fold here by what was really done.
            Fingerprint = AlertFingerprint.Of(rule.Id, container.Workload, container.Name, told.Subject),
            Learning = isLearning,
            Mitre = rule.Mitre,
            Tags = rule.Tags,
            Node = container.Node,
            Container = container,
            Process = acting,
            Event = shown,
            Expected = told.Expected,
            Fix = told.Fix,
        };
        if (fate == AlertFate.LastBeforeLimit)
        {
            _folding.SendLast(AsLastBeforeLimit(alert));
        }
        else if (!_folding.Send(alert, finding.Subject))
        {
            _node.Counters.AddFoldingOverflow();
        }
    }

    /// <summary>Only here, where an alert is really made: everybody who is told of it gets the same.</summary>
    private AlertProcess HideSecrets(AlertProcess process, ref SensorEvent sensorEvent)
    {
        var arguments = _redaction.Hide(process.Arguments);
        if (sensorEvent.Exec is { } exec)
        {
            var executed = ReferenceEquals(exec.Arguments, process.Arguments) ? arguments : _redaction.Hide(exec.Arguments);
            if (!ReferenceEquals(executed, exec.Arguments))
            {
                sensorEvent.Details = exec with { Arguments = executed };
            }
        }

        return ReferenceEquals(arguments, process.Arguments) ? process : process with { Arguments = arguments };
    }

    private Finding Retell(IRule rule, Finding finding, in SensorEvent judged, EventDetails? details)
    {
        var shown = judged;
        shown.Details = details;
        return rule.Retell(finding, shown, new RuleContext(_container!, _profile, _node.ApiServer, _node.Command));
    }

    private Alert AsLastBeforeLimit(Alert alert) => alert with
    {
        Message = $"{alert.Message}; {alert.RuleId} has raised {_alertOptions.MaxPerMinute} alerts in this container within "
            + $"{AlertFolding.Window.TotalSeconds:0} s, so for as long what else it finds is only counted",
        Fingerprint = AlertFingerprint.Of(alert.RuleId, alert.Container.Workload, alert.Container.Name, OverLimitSubject),
    };

    private void ForgetRepeats()
    {
        if (_container is { } container)
        {
            _repeats.ForgetAll(container.CgroupId);
        }
    }

    private static Severity OneLower(Severity severity) => severity switch
    {
        Severity.Critical => Severity.High,
        Severity.High => Severity.Medium,
        Severity.Medium => Severity.Low,
        _ => severity,
    };

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Container {Container} does more than its profile can hold ({MaxEntries} entries of a kind, {MaxArgumentLists} argument lists of a "
            + "program); the rest is not learned and counted")]
    private partial void LogWarningTooMuchToLearn(string container, int maxEntries, int maxArgumentLists);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Container {Container} has {Held} different events waiting for its profile; further ones are not judged by it and counted")]
    private partial void LogWarningTooManyHeld(string container, int held);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Rule {Rule} failed on an event of container {Container}; the other rules go on, and further failures of this one are only counted")]
    private partial void LogErrorRuleFailed(Exception exception, string rule, string container);
}
