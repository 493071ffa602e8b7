using System.Diagnostics.Metrics;

namespace KubeCop.Storage;

internal static class StorageInstruments
{
    public const string Done = "done";

    /// <summary>Somebody else had written first: what was to be written is merged and written again.</summary>
    public const string Conflict = "conflict";

    public const string Failed = "failed";
    public const string Canceled = "canceled";

    private static readonly Meter Meter = new("KubeCop");

    private static readonly Histogram<double> Durations = Meter.CreateHistogram<double>(
        "kubecop.storage.operations", "s", "Time that an operation on the grain storage took, by verb (read, write, clear) and result.");

    public static void Record(string verb, string result, TimeSpan duration) =>
        Durations.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("verb", verb), new KeyValuePair<string, object?>("result", result));
}
