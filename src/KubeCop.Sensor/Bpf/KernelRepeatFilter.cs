using KubeCop.Core.Events;

namespace KubeCop.Sensor.Bpf;

/// <summary>
/// The kernel's filter as grains know it, before the kernel side is loaded and after it has gone too: then there is nothing to filter.
/// </summary>
internal sealed class KernelRepeatFilter : IRepeatFilter
{
    private volatile KernelPrograms? _programs;

    public void Attach(KernelPrograms programs) => _programs = programs;

    public void Detach() => _programs = null;

    public void ReportRepeats(ulong cgroupId, ulong sighting) => _programs?.ReportRepeats(cgroupId, sighting, each: false);

    public void ReportEach(ulong cgroupId, ulong sighting) => _programs?.ReportRepeats(cgroupId, sighting, each: true);

    public void EndOpensIn(ulong cgroupId, ulong directory) => _programs?.EndOpensIn(cgroupId, directory);

    public void ForgetAll(ulong cgroupId) => _programs?.ForgetAll(cgroupId);
}
