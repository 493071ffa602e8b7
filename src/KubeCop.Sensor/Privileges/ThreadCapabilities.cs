using System.Diagnostics;
using System.Runtime.InteropServices;

namespace KubeCop.Sensor.Privileges;

/// <summary>Takes capabilities from this process. Linux keeps them by thread, so each of its threads has to give up its own.</summary>
public static unsafe class ThreadCapabilities
{
    private const int FirstSignal = 40;
    private const int LastSignal = 64;

    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(5);

    /// <summary>What the calling thread may do now, one bit a capability.</summary>
    public static ulong Effective => ThreadPrivileges.Current().Effective;

    /// <summary>
    /// Leaves every thread with those of its capabilities that are kept, for good: permitted, effective and bounding set are cut to them, the
    /// inheritable and the ambient set are emptied, and no program that is executed gets more. Threads that are started later have what
    /// their starter has. The bounding set stays where CAP_SETPCAP is missing, which then gives nothing to anybody.
    /// </summary>
    /// <param name="kept">One bit a capability.</param>
    /// <exception cref="PrivilegeException">A thread has more: the message says why.</exception>
    public static void Limit(ulong kept) => Limit(kept, DefaultPatience);

    /// <inheritdoc cref="Limit(ulong)"/>
    /// <param name="kept">One bit a capability.</param>
    /// <param name="patience">How long a thread may take.</param>
    internal static void Limit(ulong kept, TimeSpan patience)
    {
        nint error;
        int signal;
        try
        {
            signal = InstallHandler();
            error = LibC.Limit(kept);
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException)
        {
            throw new PrivilegeException($"libkubecop-privileges.so is not beside the program: {exception.Message}");
        }

        if (error != 0)
        {
            throw new PrivilegeException($"The kernel does not let this thread give up capabilities: {Marshal.GetPInvokeErrorMessage((int)-error)}.");
        }

        LimitOthers(kept, ThreadPrivileges.Current().Bounding, signal, patience);
    }

    /// <summary>Does something on this thread as if it had no capability, to find out whether it needs any.</summary>
    internal static T Without<T>(Func<T> trial)
    {
        var header = new LibC.CapabilityHeader { Version = LibC.CapabilityVersion };
        var sets = stackalloc LibC.CapabilitySets[2];
        if (LibC.GetCapabilities(&header, sets) != 0)
        {
            return trial();
        }

        var (low, high) = (sets[0].Effective, sets[1].Effective);
        (sets[0].Effective, sets[1].Effective) = (0, 0);
        _ = LibC.SetCapabilities(&header, sets);
        try
        {
            return trial();
        }
        finally
        {
            (sets[0].Effective, sets[1].Effective) = (low, high);
            _ = LibC.SetCapabilities(&header, sets);
        }
    }

    /// <summary>The first of these paths that this user, without any capability, may not read or, where it is so marked, write; null when there is none.</summary>
    public static string? FindForeign(IEnumerable<(string Path, bool IsWritten)> paths)
    {
        // Before: what is in a directory that may not be entered is not there, to who has no capability.
        var there = paths.Where(static used => used.Path.Length > 0 && Path.Exists(used.Path)).ToList();
        return Without(() => there.Find(static used => !LibC.MayUse(used.Path, LibC.ReadAccess | (used.IsWritten ? LibC.WriteAccess : 0))).Path);
    }

    // Stays for good: a signal can still be on its way to a thread that did what it asks for.
    private static int InstallHandler()
    {
        var action = new LibC.SignalAction { Handler = LibC.Handler(), Flags = LibC.SignalAction.Restart | LibC.SignalAction.OnAlternateStack };
        for (var word = 0; word < 16; word++)
        {
            action.Blocked[word] = ulong.MaxValue;
        }

        for (var signal = LastSignal; signal >= FirstSignal; signal--)
        {
            LibC.SignalAction before;
            if (LibC.SetAction(signal, null, &before) == 0 && (before.Handler == 0 || before.Handler == action.Handler) && LibC.SetAction(signal, &action, null) == 0)
            {
                return signal;
            }
        }

        throw new PrivilegeException("No signal is free to ask the threads with.");
    }

    /// <summary>Twice in a row there must be none that has more: a thread may have been started, while the threads were listed, by one that had.</summary>
    private static void LimitOthers(ulong kept, ulong bounding, int signal, TimeSpan patience)
    {
        var started = Stopwatch.GetTimestamp();
        for (var clean = 0; clean < 2;)
        {
            var others = ThreadPrivileges.All().Where(thread => !thread.Value.IsWithin(kept, bounding)).ToList();
            clean = others.Count == 0 ? clean + 1 : 0;
            foreach (var (thread, privileges) in others)
            {
                if ((privileges.Pending >> (signal - 1) & 1) == 0)
                {
                    _ = LibC.Signal(Environment.ProcessId, thread, signal);
                }
            }

            if (others.Count > 0 && Stopwatch.GetElapsedTime(started) > patience)
            {
                throw new PrivilegeException(
                    $"{others.Count} threads did not give up their capabilities within {patience.TotalSeconds:0} s, the first of them '{others[0].Value.Name}'.");
            }

            if (others.Count > 0)
            {
                Thread.Sleep(1);
            }
        }
    }
}
