using System.Threading.Channels;
using KubeCop.Core.Events;
using KubeCop.Core.Malware;
using KubeCop.Core.Workloads;
using KubeCop.Scanning.Attribution;
using KubeCop.Scanning.Clamd;
using KubeCop.Scanning.Walking;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Scans;

/// <summary>
/// Scans programs as they are started. Each is opened as soon as it is taken from the queue, because it may be deleted any moment, and is judged as
/// its turn comes: few at a time, but never behind a scan of the node. A file is judged once for each container until it changes.
/// </summary>
/// <param name="scanner">Nobody else's: a scan of the node keeps its own busy.</param>
/// <param name="known">What scans of the node found clean.</param>
/// <param name="patience">How long an opened file waits for a scanner that cannot be asked.</param>
/// <param name="found">Called for each finding, by several threads.</param>
internal sealed partial class ExecutedFileScans(
    ExecutedFileQueue queue,
    IContentScanner scanner,
    KnownFiles known,
    IRunningContainers running,
    HostRoot host,
    string node,
    TimeSpan patience,
    Action<MalwareFinding, ExecutedFile> found,
    TimeProvider time,
    ILogger logger) : IAsyncDisposable
{
    /// <summary>The most files that are open and wait to be judged.</summary>
    public const int MaxOpen = 64;

    private const int AtOnce = 2;
    private const int MaxJudged = 16_384;
    private const int MaxRoots = 1024;

    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    private readonly Channel<(ExecutedFile Executed, WalkedFile File)> _opened = Channel.CreateBounded<(ExecutedFile, WalkedFile)>(MaxOpen);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly HashSet<(string Container, FileIdentity File)> _judged = [];
    private readonly Queue<(string Container, FileIdentity File)> _oldest = new();

    // A process of each container that is there when the one that ran the program has ended. Used by the one who opens.
    private readonly Dictionary<string, ContainerProcess> _roots = new(StringComparer.Ordinal);
    private Task _work = Task.CompletedTask;

    public void Start() => _work = Task.WhenAll([Task.Run(OpenAsync), .. Enumerable.Range(0, AtOnce).Select(_ => Task.Run(JudgeAsync))]);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (_opened.Reader.TryRead(out var left))
        {
            left.File.Dispose();
        }

        _stop.Dispose();
    }

    private async Task OpenAsync()
    {
        await foreach (var executed in queue.Reader.ReadAllAsync(_stop.Token))
        {
            WalkedFile? file = null;
            try
            {
                file = Open(executed);
                var result = file is null ? ExecutedFileResult.Gone
                    : known.Contains(file.Identity) || !Begin(executed, file) ? ExecutedFileResult.Unchanged
                    : (ExecutedFileResult?)null;
                if (result is { } ended)
                {
                    queue.Add(ended);
                }
                else
                {
                    await _opened.Writer.WriteAsync((executed, file!), _stop.Token);
                    file = null;
                }
            }
            catch (Exception exception) when (!_stop.IsCancellationRequested)
            {
                queue.Add(ExecutedFileResult.Failed);
                LogWarningFailed(executed.Container.Id, exception.Message);
            }
            finally
            {
                file?.Dispose();
            }
        }
    }

    private async Task JudgeAsync()
    {
        await foreach (var (executed, file) in _opened.Reader.ReadAllAsync(_stop.Token))
        {
            using (file)
            {
                try
                {
                    queue.Add(await JudgeAsync(executed, file));
                }
                catch (Exception exception) when (!_stop.IsCancellationRequested)
                {
                    queue.Add(ExecutedFileResult.Failed);
                    LogWarningFailed(executed.Container.Id, exception.Message);
                }
            }
        }
    }

    private async Task<ExecutedFileResult> JudgeAsync(ExecutedFile executed, WalkedFile file)
    {
        if (await AskAsync(file) is not { } verdict)
        {
            Forget(executed, file);
            return ExecutedFileResult.NoScanner;
        }

        switch (verdict.Outcome)
        {
            case ClamdOutcome.Clean:
                return ExecutedFileResult.Clean;
            case ClamdOutcome.Found:
                found(Describe(executed, file, verdict.Signature!), executed);
                return ExecutedFileResult.Found;
            default:
                return verdict == ClamdVerdict.OverLimit ? ExecutedFileResult.OverLimit : ExecutedFileResult.Failed;
        }
    }

    /// <returns>Null when nobody could be asked for as long as patience lasts.</returns>
    private async Task<ClamdVerdict?> AskAsync(WalkedFile file)
    {
        var since = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await scanner.ScanAsync(file.Handle, file.Identity.Size, _stop.Token);
            }
            catch (ClamdUnavailableException) when (time.GetElapsedTime(since) < patience)
            {
                await Task.Delay(LookAgain, time, _stop.Token);
            }
            catch (ClamdUnavailableException)
            {
                return null;
            }
        }
    }

    private MalwareFinding Describe(ExecutedFile executed, WalkedFile file, string signature)
    {
        var (hostPath, places) = Locate(executed, file);
        if (!places.Exists(place => place.Container.Id == executed.Container.Id))
        {
            // Nobody can reach it by a path any more, or only this container ever could.
            places.Insert(0, new MalwarePlace
            {
                Container = executed.Container,
                Layer = (executed.Flags & EventFlags.FileInMemory) != 0 ? MalwareLayer.Memory
                    : (executed.Flags & EventFlags.FileUpperLayer) != 0 ? MalwareLayer.Upper
                    : MalwareLayer.Volume,
                Path = PathText.Of(file.Path),
                IsHidden = HasNoName(executed),
            });
        }

        return new MalwareFinding
        {
            Signature = signature,
            Sha256 = MalwareScan.Hash(file.Handle, file.Identity.Size, _stop.Token),
            Size = file.Identity.Size,
            Owner = file.Owner,
            Group = file.Group,
            Modified = file.Modified,
            Changed = file.Changed,
            FoundAt = time.GetUtcNow(),
            Node = node,
            HostPath = hostPath is null ? "" : PathText.Of(hostPath),
            Places = places,
            Writer = executed.Writer,
        };
    }

    /// <summary>Where it is on the host, and which containers have it there.</summary>
    private (byte[]? HostPath, List<MalwarePlace> Places) Locate(ExecutedFile executed, WalkedFile file)
    {
        if (HasNoName(executed))
        {
            return (null, []);
        }

        try
        {
            var systems = ContainerFileSystems.Read(running, host);
            var path = systems.HostPathOf(executed.Container.Id, file.Path);
            return (path, path is null ? [] : [.. systems.Sees(path).Select(MalwareScan.PlaceOf)]);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogWarningNotLocated(executed.Container.Id, exception.Message);
            return (null, []);
        }
    }

    private static bool HasNoName(ExecutedFile executed) => (executed.Flags & (EventFlags.FileInMemory | EventFlags.FileDeleted)) != 0;

    /// <summary>Opens the file that was started: through the process while it runs that, else by its path in the container.</summary>
    /// <returns>Null when it is not there any more.</returns>
    private WalkedFile? Open(ExecutedFile executed)
    {
        var path = PathText.Bytes(executed.Path);
        var process = ContainerProcess.Of(executed.Key);
        var error = process.OpenExecutable(out var executable);
        using (executable)
        {
            if (error == 0 && IsOf(executable, executed, path))
            {
                return Read(executable, path);
            }
        }

        if (HasNoName(executed) || OpenRoot(executed.Container.Id, process) is not { } root)
        {
            return null;
        }

        using (root)
        {
            error = LibC.OpenWithoutLinks(root, BytePath.Terminated(path), out var entry);
            using (entry)
            {
                return error == 0 ? Read(entry, path) : null;
            }
        }
    }

    // The process may have started another program since, and of a script it runs the interpreter.
    private static bool IsOf(SafeFileHandle executable, ExecutedFile executed, ReadOnlySpan<byte> path)
    {
        if ((executed.Flags & (EventFlags.PathTruncated | EventFlags.PathUnreachable)) != 0 && (executed.Flags & ExecutedFile.Drifted) != 0)
        {
            return true;
        }

        var deleted = " (deleted)"u8;
        ReadOnlySpan<byte> link = LibC.PathOf(executable);
        return WithoutSlash(link).SequenceEqual(WithoutSlash(path))
            || (link.EndsWith(deleted) && WithoutSlash(link[..^deleted.Length]).SequenceEqual(WithoutSlash(path)));
    }

    // What is in memory has a name without one.
    private static ReadOnlySpan<byte> WithoutSlash(ReadOnlySpan<byte> path) => path.TrimStart((byte)'/');

    private WalkedFile? Read(SafeFileHandle entry, byte[] path)
    {
        if (LibC.Status(entry, out var status) != 0 || !status.IsRegular || LibC.OpenContent(entry, out var content) != 0)
        {
            return null;
        }

        if (LibC.Status(content, out status) != 0)
        {
            content.Dispose();
            return null;
        }

        return new WalkedFile(path, content, status, time.GetUtcNow());
    }

    private SafeFileHandle? OpenRoot(string container, ContainerProcess process)
    {
        if (TryOpenRoot(process) is { } own)
        {
            return own;
        }

        if (_roots.TryGetValue(container, out var other) && TryOpenRoot(other) is { } root)
        {
            return root;
        }

        var processes = running.List().FirstOrDefault(candidate => candidate.Container.Id == container)?.Processes ?? [];
        if (ContainerProcess.Oldest(processes) is not { } oldest)
        {
            _roots.Remove(container);
            return null;
        }

        if (_roots.Count >= MaxRoots)
        {
            _roots.Clear();
        }

        _roots[container] = oldest;
        return TryOpenRoot(oldest);
    }

    private static SafeFileHandle? TryOpenRoot(ContainerProcess process)
    {
        if (process.OpenRoot(out var root) == 0)
        {
            return root;
        }

        root.Dispose();
        return null;
    }

    /// <returns>False when it was judged before, or is about to be.</returns>
    private bool Begin(ExecutedFile executed, WalkedFile file)
    {
        lock (_lock)
        {
            var key = (executed.Container.Id, file.Identity);
            if (!_judged.Add(key))
            {
                return false;
            }

            _oldest.Enqueue(key);
            if (_oldest.Count > MaxJudged)
            {
                _judged.Remove(_oldest.Dequeue());
            }

            return true;
        }
    }

    private void Forget(ExecutedFile executed, WalkedFile file)
    {
        lock (_lock)
        {
            _judged.Remove((executed.Container.Id, file.Identity));
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A program that was started in container {Container} could not be scanned for malware. {Reason}")]
    private partial void LogWarningFailed(string container, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Malware was started in container {Container}; which others have the file cannot be told. {Reason}")]
    private partial void LogWarningNotLocated(string container, string reason);
}
