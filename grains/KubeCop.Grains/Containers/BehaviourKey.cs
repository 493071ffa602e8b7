using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Containers;

/// <summary>What an exec or open does, comparable without making a <see cref="BehaviourItem"/>: equal when their items would be.</summary>
internal readonly struct BehaviourKey : IEquatable<BehaviourKey>
{
    private readonly EventKind _kind;
    private readonly string _path;
    private readonly string _executable;
    private readonly IReadOnlyList<string> _arguments;
    private readonly uint _flags;

    public BehaviourKey(in SensorEvent sensorEvent)
    {
        _kind = sensorEvent.Kind;
        _path = sensorEvent.Path;
        _executable = sensorEvent.Kind == EventKind.Exec ? sensorEvent.Executable : "";
        _arguments = sensorEvent.Exec?.Arguments ?? [];
        _flags = sensorEvent.Kind == EventKind.Open ? OpenFlags.ToSet(sensorEvent.Value) : 0;
    }

    /// <summary>The program of an exec.</summary>
    public (string Path, string Executable) Program => (_path, _executable);

    public BehaviourItem ToItem() =>
        _kind == EventKind.Exec
            ? new ExecItem(_path, _executable, new ArgumentList([.. _arguments.Skip(1)]))
            : new OpenItem(_path, _flags);

    public bool Equals(BehaviourKey other) =>
        _kind == other._kind
        && _flags == other._flags
        && string.Equals(_path, other._path, StringComparison.Ordinal)
        && string.Equals(_executable, other._executable, StringComparison.Ordinal)
        && (ReferenceEquals(_arguments, other._arguments) || ArgumentsEqual(other));

    public override bool Equals(object? obj) => obj is BehaviourKey other && Equals(other);

    public override int GetHashCode()
    {
        var hash = HashCode.Combine(_kind, _flags, _path, _executable, Math.Max(_arguments.Count, 1));
        for (var i = 1; i < _arguments.Count; i++)
        {
            hash = HashCode.Combine(hash, _arguments[i]);
        }

        return hash;
    }

    // The program's name, the first, is no part of a behaviour.
    private bool ArgumentsEqual(in BehaviourKey other)
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
