using System.Runtime.InteropServices;

namespace KubeCop.Sensor.Bpf;

/// <summary>
/// Where the reader sleeps. The rings are watched edge-triggered: it wakes on the kernel's wake-ups, not on mere data, so events sent
/// without a wake-up gather until the time is over. Other threads wake it too.
/// </summary>
internal sealed unsafe class RingWaiter : IDisposable
{
    private const uint EdgeTriggered = 1u << 31;
    private const uint Input = 1;
    private const int Add = 1;

    /// <summary>EFD_NONBLOCK | EFD_CLOEXEC</summary>
    private const int EventFlags = 0x800 | 0x80000;

    /// <summary>struct epoll_event is packed on x86-64 only; both forms begin with the mask, and the data is not used.</summary>
    private const int EpollEventSize = 16;

    private const int MaxEvents = 3;

    private readonly int _epoll;
    private readonly int _event;
    private volatile bool _sleeping;

    public RingWaiter(IEnumerable<int> rings)
    {
        _epoll = LibC.CreateEpoll(0x80000);
        _event = LibC.EventDescriptor(0, EventFlags);
        foreach (var ring in rings)
        {
            Watch(ring, Input | EdgeTriggered);
        }

        Watch(_event, Input);

        void Watch(int descriptor, uint events)
        {
            var entry = stackalloc byte[EpollEventSize];
            new Span<byte>(entry, EpollEventSize).Clear();
            *(uint*)entry = events;
            if (LibC.ControlEpoll(_epoll, Add, descriptor, entry) != 0)
            {
                throw new SensorException(
                    $"The event ring cannot be waited for: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.",
                    "Raise the limit of open files (ulimit -n).");
            }
        }
    }

    /// <summary>Sleeps until woken, at most for the time given.</summary>
    /// <param name="milliseconds">The longest sleep.</param>
    /// <param name="hasWork">Asked once more when a wake-up could no longer be missed.</param>
    public void Wait(int milliseconds, Func<bool> hasWork)
    {
        _sleeping = true;
        Interlocked.MemoryBarrier();
        if (!hasWork())
        {
            var events = stackalloc byte[MaxEvents * EpollEventSize];
            _ = LibC.WaitEpoll(_epoll, events, MaxEvents, milliseconds);
        }

        _sleeping = false;
        ulong count;
        _ = LibC.Read(_event, &count, sizeof(ulong));
    }

    /// <summary>Wakes the reader if it sleeps. From any thread.</summary>
    public void Wake()
    {
        Interlocked.MemoryBarrier();
        if (_sleeping)
        {
            var one = 1ul;
            _ = LibC.Write(_event, &one, sizeof(ulong));
        }
    }

    public void Dispose()
    {
        _ = LibC.Close(_epoll);
        _ = LibC.Close(_event);
    }
}
