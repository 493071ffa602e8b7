using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.CustomResources;
using Microsoft.Extensions.Options;

namespace KubeCop.Kubernetes.Profiles;

/// <summary>Profiles as ApplicationProfile objects, written by server-side apply as the field manager <c>kubecop</c>.</summary>
internal sealed class ProfileMirror(ApiClient api, IOptions<KubernetesOptions> options, TimeProvider time) : IProfileMirror, IDisposable
{
    public const string Manager = "kubecop";

    /// <summary>The workload's key: names do not tell it for sure.</summary>
    public const string WorkloadAnnotation = "kubecop.kubescape.io/workload";

    /// <summary>Digest of the spec as KubeCop wrote it: where it is another one, somebody has changed it.</summary>
    public const string ContentAnnotation = "kubecop.kubescape.io/content";

    /// <summary>KubeCop's labels.</summary>
    public const string Label = "kapprofiler.kubescape.io/";

    private const string Resource = "applicationprofiles";
    private const string ApiVersion = "kubescape.io/v1";
    private const string Kind = "ApplicationProfile";

    /// <summary>Requests of this silo at one time.</summary>
    private const int Concurrency = 4;

    private readonly SemaphoreSlim _room = new(Concurrency);

    /// <summary>Workloads whose name was taken by another one's profile.</summary>
    private readonly ConcurrentDictionary<WorkloadKey, string> _otherNames = new();

    private volatile string? _failure;

    /// <summary>For people: why the last profile could not be shown or looked at; null when that could be done. A namespace that ends is no reason.</summary>
    public string? Failure => _failure;

    private string StoreNamespace => options.Value.StoreNamespace;

    public bool Shows(WorkloadKey workload) => workload.Kind != "Container" && ProfileName.IsName(NameOf(workload)) && workload.Namespace.Length > 0;

    public Task<MirroredProfile?> ReadAsync(WorkloadKey workload, CancellationToken cancellationToken) => LimitedAsync(async () =>
    {
        var found = await GetAsync(workload, cancellationToken);
        if (found is not null && IsOfAnother(found, workload))
        {
            _otherNames[workload] = ProfileName.Unambiguous(workload, NameOf(workload));
            found = await GetAsync(workload, cancellationToken);
        }

        return found is null ? await FindElsewhereAsync(workload, cancellationToken) : Mirrored(found, workload);
    }, cancellationToken);

    public Task<string> WriteAsync(ShownProfile profile, string basedOn, CancellationToken cancellationToken) => LimitedAsync(async () =>
    {
        try
        {
            var version = basedOn.Length > 0 ? basedOn : await CreateAsync(profile.Profile.Workload, cancellationToken);
            var path = PathOf(profile.Profile.Workload);
            var written = await api.ApplyAsync(path, Resource, Spec(profile, version), Manager, cancellationToken);
            var shown = await api.ApplyAsync($"{path}/status", $"{Resource}/status", Status(profile, written), Manager, cancellationToken);
            return shown.Metadata.ResourceVersion;
        }
        catch (ApiException exception) when (exception.Code == HttpStatusCode.Conflict)
        {
            throw new MirrorChangedException(exception.Message);
        }
    }, cancellationToken);

    public Task DeleteAsync(WorkloadKey workload, string version, CancellationToken cancellationToken) => LimitedAsync(async () =>
    {
        try
        {
            await api.DeleteAsync(ApiResource.Profiles, NamespaceOf(workload), NameOf(workload), version, cancellationToken);
        }
        catch (ApiException exception) when (exception.IsNotFound)
        {
        }
        catch (ApiException exception) when (exception.Code == HttpStatusCode.Conflict)
        {
            throw new MirrorChangedException(exception.Message);
        }

        return true;
    }, cancellationToken);

    public void Dispose() => _room.Dispose();

    private static string? KeyOf(ApiObject found) =>
        found.Metadata.Annotations is { } annotations && annotations.TryGetValue(WorkloadAnnotation, out var key) ? key : null;

    private bool IsOfAnother(ApiObject found, WorkloadKey workload) => ProfileName.Annotated(found, StoreNamespace) is { } annotated
        ? annotated != workload
        : found.Metadata.Labels is { } labels && labels.TryGetValue(Label + "namespace", out var ns) && ns != workload.Namespace;

    // The profile that had this workload's name may be gone since, and nobody but the object itself remembers that it has another one.
    private async Task<MirroredProfile?> FindElsewhereAsync(WorkloadKey workload, CancellationToken cancellationToken)
    {
        if (StoreNamespace.Length == 0 || _otherNames.ContainsKey(workload))
        {
            return null;
        }

        _otherNames[workload] = ProfileName.Unambiguous(workload, NameOf(workload));
        if (await GetAsync(workload, cancellationToken) is { } found && KeyOf(found) == workload.GrainKey)
        {
            return Mirrored(found, workload);
        }

        _otherNames.TryRemove(workload, out _);
        return null;
    }

    private static bool IsSet(ApiObject found, string label) =>
        found.Metadata.Labels is { } labels && labels.TryGetValue(Label + label, out var value) && value == "true";

    private async Task<T> LimitedAsync<T>(Func<Task<T>> request, CancellationToken cancellationToken)
    {
        await _room.WaitAsync(cancellationToken);
        try
        {
            var result = await request();
            _failure = null;
            return result;
        }
        catch (ApiException exception) when (!exception.IsOfEndingNamespace)
        {
            _failure = exception.Message;
            throw;
        }
        finally
        {
            _room.Release();
        }
    }

    private string NameOf(WorkloadKey workload) => _otherNames.GetValueOrDefault(workload) ?? ProfileName.Of(workload, StoreNamespace.Length > 0);

    private string NamespaceOf(WorkloadKey workload) => StoreNamespace.Length > 0 ? StoreNamespace : workload.Namespace;

    private string PathOf(WorkloadKey workload) => ApiResource.Profiles.PathOf(NamespaceOf(workload), NameOf(workload));

    private async Task<ApiObject?> GetAsync(WorkloadKey workload, CancellationToken cancellationToken)
    {
        try
        {
            return await api.GetAsync(ApiResource.Profiles, NamespaceOf(workload), NameOf(workload), metadataOnly: false, cancellationToken);
        }
        catch (ApiException exception) when (exception.IsNotFound)
        {
            return null;
        }
    }

    private MirroredProfile Mirrored(ApiObject found, WorkloadKey workload)
    {
        var spec = Read<ApplicationProfileSpec>(found, found.Spec);
        var status = Read<ApplicationProfileStatus>(found, found.Status);
        var written = found.Metadata.Annotations is { } annotations && annotations.TryGetValue(ContentAnnotation, out var digest) ? digest : null;
        var revisions = (status?.Revisions ?? [])
            .Where(static revision => revision is { Container: not null, Revision: not null })
            .Select(static revision => new ShownRevision(revision.Container, revision.Revision, StateOf(revision.Phase), revision.CompletesAt ?? default));
        var now = time.GetUtcNow();

        // By the API server's clock: one that is ahead would have nobody judged until ours gets there.
        var createdAt = found.Metadata.CreationTimestamp is { } created && created.ToUniversalTime() < now ? new DateTimeOffset(created.ToUniversalTime()) : now;
        return new MirroredProfile(
            found.Metadata.ResourceVersion,
            IsOwn: KeyOf(found) == workload.GrainKey && written == ProfileContent.DigestOf(spec),
            IsFinal: IsSet(found, "final") && !IsSet(found, "failed"),
            // What was done before it was there is not judged by it.
            ProfileContent.Read(spec, createdAt),
            [.. revisions],
            found.Metadata.OwnerReferences?.FirstOrDefault(owner => owner.Kind == workload.Kind && owner.Name == workload.Name)?.Uid);
    }

    // The schema allows nothing else, but the definition may be another one than ours.
    private static T? Read<T>(ApiObject of, JsonElement element)
        where T : class
    {
        try
        {
            return element.ValueKind == JsonValueKind.Object ? element.Deserialize<T>(ApiJson.Options) : null;
        }
        catch (JsonException exception)
        {
            throw new ApiException($"The ApplicationProfile {of.Metadata.NamespaceProperty}/{of.Metadata.Name} cannot be read: {exception.Message} Correct or delete it.", exception);
        }
    }

    private static ProfileState StateOf(string? phase) => Enum.TryParse<ProfileState>(phase, ignoreCase: true, out var state) ? state : ProfileState.Learning;

    private static string PhaseOf(ProfileState state) => state.ToString().ToLowerInvariant();

    // Empty: who creates an object manages its fields in another way than who applies them, for ever.
    private async Task<string> CreateAsync(WorkloadKey workload, CancellationToken cancellationToken)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(Head(workload), ApiJson.Options);
        var created = await api.CreateAsync(ApiResource.Profiles, NamespaceOf(workload), body, Manager, cancellationToken);
        return created.Metadata.ResourceVersion;
    }

    private JsonObject Head(WorkloadKey workload) => new()
    {
        ["apiVersion"] = ApiVersion,
        ["kind"] = Kind,
        ["metadata"] = new JsonObject { ["name"] = NameOf(workload), ["namespace"] = NamespaceOf(workload) },
    };

    private ReadOnlyMemory<byte> Spec(ShownProfile shown, string version)
    {
        var (profile, workload) = (shown.Profile, shown.Profile.Workload);
        var spec = ProfileContent.Write(profile.Containers);
        var labels = new JsonObject();
        if (profile.State is ProfileState.Final or ProfileState.Partial)
        {
            // KubeCop's readers take a partial profile for one when both are set.
            labels[Label + "final"] = "true";
            labels[Label + "partial"] = profile.State == ProfileState.Partial ? "true" : "false";
        }

        if (StoreNamespace.Length > 0)
        {
            labels[Label + "namespace"] = workload.Namespace;
        }

        var body = Head(workload);
        var metadata = body["metadata"]!.AsObject();
        metadata["resourceVersion"] = version;
        metadata["labels"] = labels;
        metadata["annotations"] = new JsonObject { [WorkloadAnnotation] = workload.GrainKey, [ContentAnnotation] = ProfileContent.DigestOf(spec) };
        if (shown.Object is { } owner && StoreNamespace.Length == 0)
        {
            // With its workload it is deleted; an owner has to be in the same namespace.
            metadata["ownerReferences"] = new JsonArray(new JsonObject
            {
                ["apiVersion"] = owner.ApiVersion,
                ["kind"] = workload.Kind,
                ["name"] = workload.Name,
                ["uid"] = owner.Uid,
            });
        }

        body["spec"] = JsonSerializer.SerializeToNode(spec, ApiJson.Options);
        return JsonSerializer.SerializeToUtf8Bytes(body, ApiJson.Options);
    }

    private ReadOnlyMemory<byte> Status(ShownProfile shown, ApiObject written)
    {
        var containers = shown.Profile.Containers;
        var status = new ApplicationProfileStatus
        {
            Phase = PhaseOf(shown.Profile.State),
            ObservedGeneration = written.Metadata.Generation,
            RemainingSeconds = shown.Profile.RemainingSeconds,
            Containers = containers.Count,
            Execs = containers.Sum(static container => container.Execs.Count),
            Opens = containers.Sum(static container => container.Opens.Count),
            Syscalls = containers.Sum(static container => container.Syscalls.Count),
            Connections = containers.Sum(static container => container.Incoming.Count + container.Outgoing.Count),
            Lost = containers.Sum(static container => container.Lost),
            Revisions = [.. shown.Revisions.Select(static revision => new RevisionStatus
            {
                Container = revision.Container, Revision = revision.Revision, Phase = PhaseOf(revision.State), CompletesAt = Seconds(revision.CompletesAt),
            })],
            Conditions = [.. Conditions(shown, Read<ApplicationProfileStatus>(written, written.Status)?.Conditions ?? [])],
        };
        var body = Head(shown.Profile.Workload);
        body["status"] = JsonSerializer.SerializeToNode(status, ApiJson.Options);
        return JsonSerializer.SerializeToUtf8Bytes(body, ApiJson.Options);
    }

    private IEnumerable<ResourceCondition> Conditions(ShownProfile shown, IReadOnlyList<ResourceCondition> before)
    {
        var (lost, truncated) = (shown.Profile.Containers.Sum(static container => container.Lost), shown.Profile.Containers.Sum(static container => container.Truncated));
        yield return Condition("Complete", shown.Profile.State != ProfileState.Learning, shown.Profile.State switch
        {
            ProfileState.Learning => ("Learning", "It is being learned."),
            ProfileState.Partial => ("Partial", "It was learned from containers that ran already: what they do when they start is not in it."),
            _ => ("Learned", "What is not in it is alerted on."),
        });
        yield return Condition("Truncated", truncated > 0, truncated > 0
            ? ("TooLarge", string.Create(CultureInfo.InvariantCulture, $"{truncated} things are missing because there is no room for them: not everything that is normal is in it."))
            : ("Fits", "Everything that was learned is in it."));
        yield return Condition("Lossy", lost > 0, lost > 0
            ? ("EventsLost", string.Create(CultureInfo.InvariantCulture, $"{lost} events were lost while it was learned: what is normal may be missing."))
            : ("NothingLost", "No event was lost while it was learned."));

        ResourceCondition Condition(string type, bool isSo, (string Reason, string Message) why)
        {
            var status = isSo ? "True" : "False";
            var same = before.FirstOrDefault(condition => condition.Type == type && condition.Status == status);
            return new ResourceCondition
            {
                Type = type,
                Status = status,
                Reason = why.Reason,
                Message = why.Message,
                LastTransitionTime = same?.LastTransitionTime ?? Seconds(time.GetUtcNow()),
            };
        }
    }

    // As Kubernetes' own times are.
    private static DateTimeOffset Seconds(DateTimeOffset at) => at.AddTicks(-(at.UtcTicks % TimeSpan.TicksPerSecond)).ToUniversalTime();
}
