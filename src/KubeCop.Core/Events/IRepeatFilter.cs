namespace KubeCop.Core.Events;

/// <summary>
/// The sensor's filter, which reports a behaviour of a container once and ends its repeats in the kernel. Never waits; a container that
/// has ended is nobody's and nothing happens.
/// </summary>
public interface IRepeatFilter
{
    /// <summary>This behaviour matters: its repeats are reported too, at most once a second, with how many there were.</summary>
    /// <param name="cgroupId">The container's cgroup.</param>
    /// <param name="sighting">See <see cref="SensorEvent.Sighting"/>.</param>
    void ReportRepeats(ulong cgroupId, ulong sighting);

    /// <summary>
    /// Who does this matters each time: all its repeats are reported, up to a hundred a second of all such behaviour of a container;
    /// beyond that they are counted in the next one's <see cref="SensorEvent.Repeats"/>.
    /// </summary>
    /// <inheritdoc cref="ReportRepeats"/>
    void ReportEach(ulong cgroupId, ulong sighting);

    /// <summary>
    /// Opens of any file of this directory with the same flags are known, whatever the file is called: of those that were not reported
    /// before, none is from now on. Until <see cref="ForgetAll"/>, or until others need the room: to be asked again for each that is
    /// reported nevertheless.
    /// </summary>
    /// <param name="cgroupId">The container's cgroup.</param>
    /// <param name="directory">See <see cref="SensorEvent.Directory"/>.</param>
    void EndOpensIn(ulong cgroupId, ulong directory);

    /// <summary>What judges the container has changed: everything it does is reported anew.</summary>
    /// <param name="cgroupId">The container's cgroup.</param>
    void ForgetAll(ulong cgroupId);
}

/// <summary>Where no sensor filters.</summary>
public sealed class NoRepeatFilter : IRepeatFilter
{
    public void ReportRepeats(ulong cgroupId, ulong sighting)
    {
    }

    public void ReportEach(ulong cgroupId, ulong sighting)
    {
    }

    public void EndOpensIn(ulong cgroupId, ulong directory)
    {
    }

    public void ForgetAll(ulong cgroupId)
    {
    }
}
