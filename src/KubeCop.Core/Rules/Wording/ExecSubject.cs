using KubeCop.Core.Events;

namespace KubeCop.Core.Rules.Wording;

internal static class ExecSubject
{
    /// <summary>An exec in words: the invoked path, and the executable where that is another one (a link, a script's interpreter).</summary>
    public static string Of(in SensorEvent sensorEvent) =>
        string.Equals(sensorEvent.Path, sensorEvent.Executable, StringComparison.Ordinal) || sensorEvent.Executable.Length == 0
            ? sensorEvent.Path
            : $"{sensorEvent.Path} ({sensorEvent.Executable})";
}
