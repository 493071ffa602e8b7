using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Containers;

/// <summary>
/// What one container has learned and its profile does not have yet. Learning something again allocates nothing. Not thread safe.
/// </summary>
/// <param name="maxEntriesPerKind">See <see cref="LearningOptions.MaxEntriesPerKind"/>.</param>
internal sealed class LearnedBehaviour(int maxEntriesPerKind)
{
    /// <summary>
    /// The most argument lists kept of one program: some change with every run, would fill the profile, and no rule compares them.
    /// </summary>
    public const int MaxArgumentLists = 64;

    private readonly HashSet<BehaviourKey> _execs = [];
    private readonly Dictionary<(string Path, string Executable), int> _argumentLists = [];
    private readonly Dictionary<string, uint> _opens = new(StringComparer.Ordinal);
    private List<ObservedItem>? _new;

    /// <summary>Events whose behaviour was not learned because there is too much of its kind.</summary>
    public long Dropped { get; private set; }

    /// <summary>Learns an exec or open.</summary>
    /// <returns>True when it was new and is learned now.</returns>
    public bool Learn(in SensorEvent sensorEvent, DateTimeOffset observedAt)
    {
        var key = new BehaviourKey(sensorEvent);
        if (!(sensorEvent.Kind == EventKind.Exec ? AddExec(key, sensorEvent) : AddOpen(sensorEvent)))
        {
            return false;
        }

        (_new ??= []).Add(new ObservedItem(key.ToItem(), observedAt));
        return true;
    }

    /// <summary>Whether rules would find nothing in the event if the profile had what is learned here.</summary>
    public bool Covers(in SensorEvent sensorEvent)
    {
        if (sensorEvent.Kind == EventKind.Exec)
        {
            return _argumentLists.ContainsKey((sensorEvent.Path, sensorEvent.Executable));
        }

        var flags = OpenFlags.ToSet(sensorEvent.Value);
        return (_opens.GetValueOrDefault(sensorEvent.Path) & flags) == flags;
    }

    /// <summary>What was learned since the last call.</summary>
    public IReadOnlyList<ObservedItem> TakeNew()
    {
        var items = _new;
        _new = null;
        return items ?? (IReadOnlyList<ObservedItem>)[];
    }

    /// <summary>Forgets what the profile has, so that it alone decides from now on.</summary>
    public void Forget(CompiledProfile profile)
    {
        foreach (var (path, flags) in _opens)
        {
            if ((profile.OpenFlagsOf(path) & flags) == flags)
            {
                _opens.Remove(path);
            }
        }

        foreach (var (program, _) in _argumentLists)
        {
            if (profile.ContainsExec(program.Path, program.Executable))
            {
                _argumentLists.Remove(program);
            }
        }

        _execs.RemoveWhere(exec => !_argumentLists.ContainsKey(exec.Program));
    }

    private bool AddExec(in BehaviourKey key, in SensorEvent sensorEvent)
    {
        if (_execs.Contains(key))
        {
            return false;
        }

        if (_execs.Count >= maxEntriesPerKind)
        {
            Dropped++;
            return false;
        }

        ref var lists = ref CollectionsMarshal.GetValueRefOrAddDefault(_argumentLists, (sensorEvent.Path, sensorEvent.Executable), out _);
        if (lists >= MaxArgumentLists)
        {
            Dropped++;
            return false;
        }

        lists++;
        return _execs.Add(key);
    }

    private bool AddOpen(in SensorEvent sensorEvent)
    {
        var flags = OpenFlags.ToSet(sensorEvent.Value);
        ref var known = ref CollectionsMarshal.GetValueRefOrNullRef(_opens, sensorEvent.Path);
        if (Unsafe.IsNullRef(ref known))
        {
            if (_opens.Count >= maxEntriesPerKind)
            {
                Dropped++;
                return false;
            }

            _opens.Add(sensorEvent.Path, flags);
            return true;
        }

        if ((known & flags) == flags)
        {
            return false;
        }

        known |= flags;
        return true;
    }
}
