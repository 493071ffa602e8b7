using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Containers.Learning;

/// <summary>Programs, each with the argument lists it was started with.</summary>
internal sealed class LearnedExecs(int maxEntries) : LearnedKind
{
    private readonly HashSet<ExecKey> _execs = [];
    private readonly Dictionary<(string Path, string Executable), int> _argumentLists = [];

    public override EventKind EventKind => EventKind.Exec;

    public override LearnOutcome Learn(in SensorEvent sensorEvent, out BehaviourItem? item)
    {
        item = null;
        var key = new ExecKey(sensorEvent);
        if (_execs.Contains(key))
        {
            return LearnOutcome.Known;
        }

        if (_execs.Count >= maxEntries)
        {
            return LearnOutcome.Full;
        }

        ref var lists = ref CollectionsMarshal.GetValueRefOrAddDefault(_argumentLists, key.Program, out _);
        if (lists >= ExecItem.MaxArgumentLists)
        {
            return LearnOutcome.Full;
        }

        lists++;
        _execs.Add(key);
        item = key.ToItem();
        return LearnOutcome.New;
    }

    public override bool Covers(in SensorEvent sensorEvent) => _argumentLists.ContainsKey((sensorEvent.Path, sensorEvent.Executable));

    public override void Forget(CompiledProfile profile)
    {
        foreach (var (program, _) in _argumentLists)
        {
            if (profile.ContainsExec(program.Path, program.Executable))
            {
                _argumentLists.Remove(program);
            }
        }

        _execs.RemoveWhere(exec => !_argumentLists.ContainsKey(exec.Program));
    }

    /// <summary>An exec, comparable without making an item: equal when the items would be.</summary>
    private readonly struct ExecKey(in SensorEvent sensorEvent) : IEquatable<ExecKey>
    {
        private readonly IReadOnlyList<string> _arguments = sensorEvent.Exec?.Arguments ?? [];

        public (string Path, string Executable) Program { get; } = (sensorEvent.Path, sensorEvent.Executable);

        public ExecItem ToItem() => new(Program.Path, Program.Executable, new ArgumentList([.. _arguments.Skip(1)]));

        public bool Equals(ExecKey other) => Program == other.Program && (ReferenceEquals(_arguments, other._arguments) || ArgumentsEqual(other));

        public override bool Equals(object? obj) => obj is ExecKey other && Equals(other);

        public override int GetHashCode()
        {
            var hash = HashCode.Combine(Program, Math.Max(_arguments.Count, 1));
            for (var i = 1; i < _arguments.Count; i++)
            {
                hash = HashCode.Combine(hash, _arguments[i]);
            }

            return hash;
        }

        // The program's name, the first, is no part of a behaviour.
        private bool ArgumentsEqual(in ExecKey other)
        {
            if (Math.Max(_arguments.Count, 1) != Math.Max(other._arguments.Count, 1))
            {
                return false;
            }

            for (var i = 1; i < _arguments.Count; i++)
            {
                if (!string.Equals(_arguments[i], other._arguments[i], StringComparison.Ordinal))
                {
                    return false;
                }
            }

            return true;
        }
    }
}
