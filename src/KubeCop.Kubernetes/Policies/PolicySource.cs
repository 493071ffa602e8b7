using System.Buffers;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using KubeCop.Core.Bindings;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Watching;
using Microsoft.Extensions.Logging;

namespace KubeCop.Kubernetes.Policies;

/// <summary>Follows bindings, and namespaces for their labels, by one watch of each.</summary>
internal sealed class PolicySource(ApiClient api, KubernetesOptions options, TimeProvider time, ILogger<PolicySource> logger) : IPolicySource
{
    /// <summary>Changes that come together are told together: who applies many bindings does so within moments.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(30);

    public async IAsyncEnumerable<PolicyReport> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var bindings = new ObjectTable<PolicyBinding>(BindingOf, () => changes.Writer.TryWrite(true));
        var namespaces = new ObjectTable<PolicyNamespace>(NamespaceOf, () => changes.Writer.TryWrite(true));
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);

        // On threads of their own: who reads is a grain, whose one thread must not be busy with lists.
        var following = Task.WhenAll(
            Task.Run(() => Follow(new ObjectSelection(ApiResource.Bindings, options.StoreNamespace.Length > 0 ? options.StoreNamespace : null), bindings), CancellationToken.None),
            Task.Run(() => Follow(new ObjectSelection(ApiResource.Namespaces, MetadataOnly: true), namespaces), CancellationToken.None));
        try
        {
            for (PolicyReport? told = null; ;)
            {
                await changes.Reader.ReadAsync(cancellationToken);
                await Task.Delay(Pause, time, cancellationToken);
                changes.Reader.TryRead(out _);
                var report = Report(bindings, namespaces);
                if (report.Failure != told?.Failure || report.Policy?.Version != told?.Policy?.Version)
                {
                    yield return told = report;
                }
            }
        }
        finally
        {
            await ended.CancelAsync();
            await following;
        }

        Task Follow(ObjectSelection selection, IObjectTarget target) => new ObjectWatch(api, selection, target, time, logger).RunAsync(ended.Token);
    }

    private PolicyReport Report(ObjectTable<PolicyBinding> bindings, ObjectTable<PolicyNamespace> namespaces)
    {
        // A Role of one namespace cannot allow to list namespaces: who installs that way knows them by their names alone.
        var isForbidden = options.StoreNamespace.Length > 0 && namespaces.Failure?.Code == HttpStatusCode.Forbidden;
        var failure = bindings.Failure ?? (isForbidden ? null : namespaces.Failure);
        var (written, labelled) = (bindings.Objects, namespaces.Objects);
        var policy = written is null || (labelled is null && !isForbidden) ? null : Policy.Of(written, labelled);
        return new PolicyReport(policy, failure?.Message);
    }

    private static PolicyBinding BindingOf(ApiObject binding)
    {
        var metadata = binding.Metadata;
        var text = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(text, ApiJson.Writer))
        {
            json.WriteStartObject();
            json.WriteString("apiVersion", BindingReader.ApiVersion);
            json.WriteString("kind", BindingReader.Kind);
            json.WriteStartObject("metadata");
            json.WriteString("name", metadata.Name);
            if (metadata.NamespaceProperty is { Length: > 0 } ns)
            {
                json.WriteString("namespace", ns);
            }

            json.WriteEndObject();
            if (binding.Spec.ValueKind != JsonValueKind.Undefined)
            {
                json.WritePropertyName("spec");
                binding.Spec.WriteTo(json);
            }

            json.WriteEndObject();
        }

        return new PolicyBinding(metadata.NamespaceProperty ?? "", metadata.Name, Encoding.UTF8.GetString(text.WrittenSpan));
    }

    private static PolicyNamespace NamespaceOf(ApiObject ns) => new(
        ns.Metadata.Name,
        (ns.Metadata.Labels ?? new Dictionary<string, string>()).Where(static label => label.Key != NamespaceNames.NameLabel).ToDictionary(StringComparer.Ordinal));
}
