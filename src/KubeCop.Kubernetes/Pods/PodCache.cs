using System.Text.Json;
using KubeCop.Core.Workloads;
using KubeCop.Kubernetes.Api;
using Microsoft.Extensions.Logging;

namespace KubeCop.Kubernetes.Pods;

/// <summary>The pods whose workload is known, in <c>pods.json</c> of the data directory, for a start without the API server.</summary>
internal sealed partial class PodCache(string dataDirectory, ILogger<PodCache> logger)
{
    private const int CurrentVersion = 1;

    private readonly string _path = Path.Combine(dataDirectory, "pods.json");
    private bool _isFailing;

    /// <summary>What an earlier run wrote; nothing where that cannot be read.</summary>
    public IReadOnlyList<KnownPod> Load()
    {
        try
        {
            var content = JsonSerializer.Deserialize<Content>(File.ReadAllBytes(_path), ApiJson.Options);
            return content is { Version: CurrentVersion } ? [.. content.Pods.Select(static pod => pod.ToPod())] : [];
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or FormatException or ArgumentException)
        {
            LogWarningNotRead(_path, exception.Message);
            return [];
        }
    }

    /// <summary>Replaces the file as a whole. Where that fails it is told once, and the next call tries again.</summary>
    public void Save(IEnumerable<KnownPod> pods)
    {
        try
        {
            var content = new Content(CurrentVersion, [.. pods.Where(static pod => pod.Workload is not null).Select(Entry.Of)]);
            var temporary = _path + ".new";
            using (var file = new FileStream(temporary, new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                JsonSerializer.Serialize(file, content, ApiJson.Options);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, _path, overwrite: true);
            _isFailing = false;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (!_isFailing)
            {
                LogWarningNotSaved(_path, exception.Message);
            }

            _isFailing = true;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "What was known of pods cannot be read from {Path}; until the API server answers, their containers wait for their profiles. {Reason}")]
    private partial void LogWarningNotRead(string path, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What is known of pods cannot be written to {Path}: after a restart without the API server their containers wait for their profiles. {Reason}")]
    private partial void LogWarningNotSaved(string path, string reason);

    private sealed record Content(int Version, IReadOnlyList<Entry> Pods);

    private sealed record Entry(
        string Uid, string Namespace, string Name, IReadOnlyDictionary<string, string> Labels, string Workload, string? ApiVersion, string? OwnerUid, DateTimeOffset? GoneAt)
    {
        public static Entry Of(KnownPod pod) => new(
            pod.Uid, pod.Namespace, pod.Name, pod.Labels, pod.Workload!.Key.GrainKey, pod.Workload.Object?.ApiVersion, pod.Workload.Object?.Uid, pod.GoneAt);

        public KnownPod ToPod() => new(
            Uid, Namespace, Name, Labels, new Workload(WorkloadKey.Parse(Workload), ApiVersion is null || OwnerUid is null ? null : new WorkloadObject(ApiVersion, OwnerUid)))
        { GoneAt = GoneAt };
    }
}
