namespace KubeCop.Core.Events;

/// <summary>Translates the kernel's event times to wall-clock time.</summary>
public interface IKernelClock
{
    /// <param name="bootNanoseconds">CLOCK_BOOTTIME.</param>
    DateTimeOffset ToUtc(long bootNanoseconds);
}
