using System.Runtime.InteropServices;

namespace KubeCop.Scanning.Scans;

/// <summary>Runs work on a thread that others on the machine go before, with the CPU and with the disk.</summary>
internal static partial class LowPriority
{
    private const int WhichProcess = 1;
    private const int Idle = 3 << 13;
    private const int Nicest = 19;

    /// <summary>The call's number; elsewhere the disk's scheduler takes it from the thread's niceness.</summary>
    private static readonly nint SetIoPriority = RuntimeInformation.ProcessArchitecture switch
    {
        Architecture.X64 => 251,
        Architecture.Arm64 => 30,
        _ => -1,
    };

    /// <summary>Runs it on a new thread with nice 19 and the idle class of I/O, as far as the kernel grants them.</summary>
    public static Task RunAsync(Action work, string name)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            // Of a thread: on Linux 0 is the caller, not its process. Refused, it only has the priority of the others.
            _ = SetPriority(0, 0, Nicest);
            if (SetIoPriority >= 0)
            {
                _ = Call(SetIoPriority, WhichProcess, 0, Idle);
            }

            try
            {
                work();
                done.SetResult();
            }
            catch (OperationCanceledException exception)
            {
                done.SetCanceled(exception.CancellationToken);
            }
            catch (Exception exception)
            {
                done.SetException(exception);
            }
        })
        {
            IsBackground = true,
            Name = name,
        };
        thread.Start();
        return done.Task;
    }

    [LibraryImport("libc", EntryPoint = "setpriority")]
    private static partial int SetPriority(int which, int who, int priority);

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Call(nint number, nint which, nint who, nint priority);
}
