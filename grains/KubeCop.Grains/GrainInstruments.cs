using System.Diagnostics.Metrics;

namespace KubeCop.Grains;

internal static class GrainInstruments
{
    private static readonly Meter Meter = new("KubeCop");

    /// <summary>Grains of containers in memory: those that run, and those that ended and have not handed over everything yet.</summary>
    public static UpDownCounter<long> Containers { get; } = Meter.CreateUpDownCounter<long>(
        "kubecop.container.grains", "{grains}", "Grains of containers in memory.");
}
