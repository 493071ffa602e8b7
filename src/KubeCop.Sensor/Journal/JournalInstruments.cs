using System.Diagnostics.Metrics;

namespace KubeCop.Sensor.Journal;

internal static class JournalInstruments
{
    private static readonly Meter Meter = new("KubeCop");

    private static readonly Counter<long> Overflow = Meter.CreateCounter<long>(
        "kubecop.journal.overflow", "{deltas}", "Deltas sent to their workload without being journaled, by reason.");

    public static void CountOverflow(string reason) => Overflow.Add(1, new KeyValuePair<string, object?>("reason", reason));
}
