using KubeCop.Core.Events;

namespace KubeCop.Core.Rules.Wording;

/// <summary>What was tried but refused by the kernel, in words.</summary>
internal static class Refusal
{
    /// <summary>The end of a message; empty when it was done.</summary>
    public static string Note(in SensorEvent sensorEvent) => sensorEvent.IsRefused ? $"; it was refused ({ErrorNumber.Name(sensorEvent.Error)})" : "";

    /// <summary>Another subject than that of the deed: repeats of a vain attempt must not hide that it succeeded.</summary>
    public static string Subject(in SensorEvent sensorEvent, string subject) => sensorEvent.IsRefused ? $"{subject} (refused)" : subject;

    /// <summary>Nothing was refused that is there: a program was looked for, as along PATH.</summary>
    public static bool IsSearch(in SensorEvent sensorEvent) => sensorEvent.IsRefused && sensorEvent.Error == ErrorNumber.NoEntry;
}
