using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Storage.File;
using Microsoft.Extensions.Logging;

namespace KubeCop.Storage;

/// <summary>
/// Kept profiles as files of a directory, one a slot, in the form of state files. They are copies: one that cannot be written or read is missing
/// where its workload cannot be asked, and nowhere else. A thread of its own writes while there is something to write.
/// </summary>
public sealed partial class KeptProfiles : IKeptProfiles, IDisposable
{
    /// <summary>Beyond, the file written longest ago is deleted.</summary>
    public const int DefaultMostFiles = 1024;

    /// <summary>Of all files together; a profile has at most some 900 KiB, and most have less than 50.</summary>
    public const long DefaultMostBytes = 128 * 1024 * 1024;

    private const string Extension = ".profile";

    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(1);

    private readonly string _directory;
    private readonly int _mostFiles;
    private readonly long _mostBytes;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();

    // Guarded by the lock: what is to be done to which file, null for deleting it; and what is there, in the order in which it was written.
    private readonly Dictionary<string, Content?> _pending = new(StringComparer.Ordinal);
    private readonly OrderedDictionary<string, Written> _written = new(StringComparer.Ordinal);
    private Task _writing = Task.CompletedTask;
    private bool _isWriting;
    private bool _failed;

    /// <param name="directory">Created with the first profile that is kept.</param>
    public KeptProfiles(string directory, ILogger<KeptProfiles> logger, int mostFiles = DefaultMostFiles, long mostBytes = DefaultMostBytes)
    {
        (_directory, _logger, _mostFiles, _mostBytes) = (directory, logger, mostFiles, mostBytes);
        if (!Directory.Exists(directory))
        {
            return;
        }

        foreach (var file in new DirectoryInfo(directory).EnumerateFiles($"*{Extension}").OrderBy(static file => file.LastWriteTimeUtc))
        {
            _written.Add(file.Name, new Written(file.Length, Version: -1, Generation: -1));
        }
    }

    public void Keep(WorkloadKey workload, ProfileSlot slot, ContainerProfile profile) => Do(NameOf(workload, slot), new Content(workload.GrainKey, slot, profile));

    public void Forget(WorkloadKey workload, ProfileSlot slot) => Do(NameOf(workload, slot), null);

    public ContainerProfile? Find(WorkloadKey workload, ProfileSlot slot)
    {
        var name = NameOf(workload, slot);
        lock (_lock)
        {
            if (_pending.TryGetValue(name, out var pending))
            {
                return pending?.Profile;
            }

            if (!_written.ContainsKey(name))
            {
                return null;
            }
        }

        var path = Path.Combine(_directory, name);
        try
        {
            // Two slots may have the same name, if hardly ever.
            return StateFile.Decode(System.IO.File.ReadAllBytes(path), out _, out var state) == StateFileCondition.Valid
                && JsonSerializer.Deserialize<Content>(state.Span) is { } content && content.Workload == workload.GrainKey && content.Slot == slot
                ? content.Profile
                : null;
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error) || error is JsonException)
        {
            LogDebugNotRead(path, error);
            return null;
        }
    }

    /// <summary>Waits a moment for what is being written.</summary>
    public void Dispose()
    {
        Task writing;
        lock (_lock)
        {
            writing = _writing;
        }

        writing.Wait(StopTime);
    }

    private static string NameOf(WorkloadKey workload, ProfileSlot slot) => string.Create(
        CultureInfo.InvariantCulture,
        $"{XxHash128.HashToUInt128(Encoding.UTF8.GetBytes($"{workload.GrainKey}\n{slot.ContainerName}\n{slot.Revision}\n{slot.Partial}")):x32}{Extension}");

    private void Do(string name, Content? content)
    {
        lock (_lock)
        {
            var written = _written.GetValueOrDefault(name);
            if (content is null ? written is null && !_pending.ContainsKey(name) : written is not null && written.Is(content.Profile) && !_pending.ContainsKey(name))
            {
                return;
            }

            _pending[name] = content;
            if (!_isWriting)
            {
                _isWriting = true;
                _writing = Task.Factory.StartNew(WriteAll, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
        }
    }

    private void WriteAll()
    {
        while (true)
        {
            KeyValuePair<string, Content?> next;
            lock (_lock)
            {
                if (_pending.Count == 0)
                {
                    _isWriting = false;
                    return;
                }

                next = _pending.First();
            }

            Written? written = null;
            try
            {
                written = Write(Path.Combine(_directory, next.Key), next.Value);
                _failed = false;
            }
            catch (Exception error) when (DiskErrors.IsDiskError(error))
            {
                if (!_failed)
                {
                    LogWarningNotKept(_directory, DiskErrors.Explain(error, _directory).Reason);
                }

                _failed = true;
            }

            lock (_lock)
            {
                if (_pending.TryGetValue(next.Key, out var latest) && latest == next.Value)
                {
                    _pending.Remove(next.Key);
                }

                _written.Remove(next.Key);
                if (written is not null)
                {
                    _written.Add(next.Key, written);
                }
            }

            MakeRoom();
        }
    }

    private Written? Write(string path, Content? content)
    {
        if (content is null)
        {
            System.IO.File.Delete(path);
            return null;
        }

        var bytes = StateFile.Encode(StateFile.NewEtag(), JsonSerializer.SerializeToUtf8Bytes(content));
        var temporary = path + ".tmp";
        Directory.CreateDirectory(_directory, Posix.PrivateDirectory);
        var creation = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = Posix.PrivateFile };
        using (var stream = new FileStream(temporary, creation))
        {
            stream.Write(bytes);
            stream.Flush(flushToDisk: true);
        }

        System.IO.File.Move(temporary, path, overwrite: true);
        return new Written(bytes.Length, content.Profile.Version, content.Profile.Generation);
    }

    private void MakeRoom()
    {
        while (true)
        {
            string oldest;
            lock (_lock)
            {
                if (_written.Count <= _mostFiles && _written.Values.Sum(static written => written.Bytes) <= _mostBytes)
                {
                    return;
                }

                oldest = _written.GetAt(0).Key;
                _written.RemoveAt(0);
            }

            try
            {
                System.IO.File.Delete(Path.Combine(_directory, oldest));
            }
            catch (Exception error) when (DiskErrors.IsDiskError(error))
            {
                LogDebugNotRead(oldest, error);
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Profiles cannot be kept in {Directory}: {Reason}. Containers that start while their workloads cannot be asked are judged by signature rules only.")]
    private partial void LogWarningNotKept(string directory, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The kept profile {Path} cannot be used.")]
    private partial void LogDebugNotRead(string path, Exception error);

    private sealed record Content(string Workload, ProfileSlot Slot, ContainerProfile Profile);

    private sealed record Written(long Bytes, long Version, int Generation)
    {
        public bool Is(ContainerProfile profile) => Version == profile.Version && Generation == profile.Generation;
    }
}
