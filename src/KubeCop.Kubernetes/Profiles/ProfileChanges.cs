using System.Runtime.CompilerServices;
using System.Threading.Channels;
using k8s;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Watching;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KubeCop.Kubernetes.Profiles;

/// <summary>Follows the ApplicationProfile objects, metadata alone: what is in them is read by the workload that has to know it.</summary>
internal sealed class ProfileChanges(
    ApiClient api, IOptions<KubernetesOptions> options, ProfileObjects objects, TimeProvider time, ILogger<ProfileChanges> logger) : IProfileChanges
{
    /// <summary>Changes that wait to be told; beyond, the API server waits.</summary>
    private const int Waiting = 1024;

    public bool Exists => true;

    public async IAsyncEnumerable<ProfileChange> WatchAsync(string position, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var target = new Target(options.Value.StoreNamespace, position, objects, stop.Token);
        var profiles = new ObjectSelection(ApiResource.Profiles, options.Value.StoreNamespace is { Length: > 0 } ns ? ns : null, MetadataOnly: true);
        var watch = Task.Run(() => new ObjectWatch(api, profiles, target, time, logger, position).RunAsync(stop.Token), CancellationToken.None);
        try
        {
            await foreach (var change in target.Changes.ReadAllAsync(cancellationToken))
            {
                yield return change;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await watch.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private sealed class Target(string storeNamespace, string position, ProfileObjects objects, CancellationToken stop) : IObjectTarget
    {
        private readonly Channel<ProfileChange> _changes = Channel.CreateBounded<ProfileChange>(Waiting);
        private string _position = position;

        public ChannelReader<ProfileChange> Changes => _changes.Reader;

        public void Replace(IReadOnlyList<ApiObject> objects)
        {
            foreach (var profile in objects)
            {
                Tell(new ProfileChange(WorkloadOf(profile), profile.Metadata.ResourceVersion ?? "", _position));
            }
        }

        public void Apply(WatchEventType type, ApiObject changed)
        {
            objects.Count(type);
            Tell(new ProfileChange(
                WorkloadOf(changed), type == WatchEventType.Deleted ? "" : changed.Metadata.ResourceVersion ?? "", changed.Metadata.ResourceVersion ?? _position));
        }

        public void Reached(string version)
        {
            if (version != _position)
            {
                _position = version;
                Tell(new ProfileChange(null, "", version));
            }
        }

        // By its annotation; else by its name.
        private WorkloadKey? WorkloadOf(ApiObject profile)
        {
            if (ProfileName.Annotated(profile, storeNamespace) is { } annotated)
            {
                return annotated;
            }

            var (ns, name) = (profile.Metadata.NamespaceProperty, profile.Metadata.Name);
            if (storeNamespace.Length == 0)
            {
                return WorkloadKey.OfProfile(ns, name);
            }

            return profile.Metadata.Labels is { } labels && labels.TryGetValue(ProfileMirror.Label + "namespace", out var its) && name.EndsWith($"-{its}", StringComparison.Ordinal)
                ? WorkloadKey.OfProfile(its, name[..^(its.Length + 1)])
                : null;
        }

        private void Tell(ProfileChange change)
        {
            if (!_changes.Writer.TryWrite(change))
            {
                _changes.Writer.WriteAsync(change, stop).AsTask().GetAwaiter().GetResult();
            }
        }
    }
}
