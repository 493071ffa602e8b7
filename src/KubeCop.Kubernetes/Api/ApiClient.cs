using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;
using k8s;
using k8s.Models;

namespace KubeCop.Kubernetes.Api;

/// <summary>
/// Requests to the API server as we need them: metadata alone, watches with bookmarks whose end and silence are seen, server-side apply.
/// Connection, certificates and credentials are the client library's; its own watches read each event three times and cannot be bounded.
/// </summary>
internal sealed class ApiClient(k8s.Kubernetes client, TimeSpan timeout, TimeProvider time)
{
    private const string Json = "application/json";
    private const string Partial = ";g=meta.k8s.io;v=v1, application/json";

    /// <summary>Objects of a page (Kubernetes' own clients ask for as many).</summary>
    private const int PageSize = 500;

    /// <summary>An event longer than this is no object: etcd holds 1.5 MiB, and JSON may escape each byte of a text.</summary>
    private const int LongestLine = 16 * 1024 * 1024;

    /// <summary>One object; metadata alone, when that is asked for.</summary>
    /// <exception cref="ApiException">There is no such object, or another reason.</exception>
    public async Task<ApiObject> GetAsync(ApiResource resource, string? ns, string name, bool metadataOnly, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Address(resource.PathOf(ns, name)));
        Accept(request, metadataOnly ? "PartialObjectMetadata" : null);
        return await ReadAsync<ApiObject>(request, "get", resource.Plural, cancellationToken);
    }

    /// <summary>All objects of a selection as they were at one time, page by page.</summary>
    /// <returns>The objects, and the version to watch from.</returns>
    /// <exception cref="ApiException">Also when paging took so long that the rest has expired.</exception>
    public async Task<(IReadOnlyList<ApiObject> Items, string Version)> ListAsync(ObjectSelection selection, CancellationToken cancellationToken)
    {
        var items = new List<ApiObject>();
        for (var next = ""; ;)
        {
            var query = $"?limit={PageSize}{Selectors(selection)}{(next.Length > 0 ? $"&continue={Uri.EscapeDataString(next)}" : "")}";
            using var request = new HttpRequestMessage(HttpMethod.Get, Address(selection.Resource.PathOfAll(selection.Namespace) + query));
            Accept(request, selection.MetadataOnly ? "PartialObjectMetadataList" : null);
            var page = await ReadAsync<ApiList>(request, "list", selection.Resource.Plural, cancellationToken);
            items.AddRange(page.Items);
            if (page.Metadata.ContinueProperty is not { Length: > 0 } more)
            {
                return (items, page.Metadata.ResourceVersion ?? "");
            }

            next = more;
        }
    }

    /// <summary>What changes after a version, until the server ends the watch or nothing has come for <paramref name="silence"/>.</summary>
    /// <param name="length">After which the server is to end it.</param>
    /// <param name="begun">Called when the server has let the watch begin: until something changes, nothing else may come for a minute.</param>
    /// <exception cref="ApiException">It cannot be watched, or the version has expired.</exception>
    public async IAsyncEnumerable<(WatchEventType Type, ApiObject Object)> WatchAsync(
        ObjectSelection selection, string version, TimeSpan length, TimeSpan silence, Action begun, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var query = string.Create(
            CultureInfo.InvariantCulture,
            $"?watch=true&allowWatchBookmarks=true&timeoutSeconds={(int)length.TotalSeconds}&resourceVersion={Uri.EscapeDataString(version)}{Selectors(selection)}");
        using var request = new HttpRequestMessage(HttpMethod.Get, Address(selection.Resource.PathOfAll(selection.Namespace) + query));
        Accept(request, selection.MetadataOnly ? "PartialObjectMetadata" : null);
        using var response = await SendAsync(request, "watch", selection.Resource.Plural, cancellationToken);
        begun();
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var reader = new LineReader(stream, LongestLine);
        while (await ReadLineAsync(reader, silence, cancellationToken) is { Length: > 0 } line)
        {
            yield return Event(line, selection.Resource);
        }
    }

    /// <summary>Makes an object that is not there.</summary>
    /// <exception cref="ApiException">It is there (409), or another reason.</exception>
    public async Task<ApiObject> CreateAsync(ApiResource resource, string? ns, ReadOnlyMemory<byte> body, string manager, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Address($"{resource.PathOfAll(ns)}?fieldManager={Uri.EscapeDataString(manager)}"));
        request.Content = new ReadOnlyMemoryContent(body) { Headers = { ContentType = new MediaTypeHeaderValue(Json) } };
        Accept(request, representation: null);
        return await ReadAsync<ApiObject>(request, "create", resource.Plural, cancellationToken);
    }

    /// <summary>Server-side apply, taking over what others manage of it.</summary>
    /// <param name="path">Of the object or its subresource.</param>
    /// <param name="resource">For people and metrics.</param>
    /// <param name="body">JSON of the object with what is managed.</param>
    public Task<ApiObject> ApplyAsync(string path, string resource, ReadOnlyMemory<byte> body, string manager, CancellationToken cancellationToken) =>
        PatchAsync($"{path}?force=true&fieldManager={Uri.EscapeDataString(manager)}", resource, "application/apply-patch+yaml", body, cancellationToken);

    /// <summary>Changes what a JSON merge patch (RFC 7386) says of an object that is there.</summary>
    /// <exception cref="ApiException">It is not there, or another reason.</exception>
    public Task<ApiObject> MergeAsync(ApiResource resource, string? ns, string name, ReadOnlyMemory<byte> body, string manager, CancellationToken cancellationToken) => PatchAsync(
        $"{resource.PathOf(ns, name)}?fieldManager={Uri.EscapeDataString(manager)}", resource.Plural, "application/merge-patch+json", body, cancellationToken);

    /// <summary>Deletes an object as it is at one version.</summary>
    /// <exception cref="ApiException">There is none (404), or another version of it (409), or another reason.</exception>
    public async Task DeleteAsync(ApiResource resource, string? ns, string name, string version, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, Address(resource.PathOf(ns, name)));
        request.Content = JsonContent.Create(new V1DeleteOptions { Preconditions = new V1Preconditions { ResourceVersion = version } }, options: ApiJson.Options);
        Accept(request, representation: null);
        using var response = await SendAsync(request, "delete", resource.Plural, cancellationToken);
    }

    private static string Selectors(ObjectSelection selection) =>
        selection.FieldSelector.Length > 0 ? $"&fieldSelector={Uri.EscapeDataString(selection.FieldSelector)}" : "";

    private static void Accept(HttpRequestMessage request, string? representation) =>
        request.Headers.TryAddWithoutValidation("Accept", representation is null ? Json : $"{Json};as={representation}{Partial}");

    private static (WatchEventType Type, ApiObject Object) Event(ReadOnlyMemory<byte> line, ApiResource resource)
    {
        using var document = JsonDocument.Parse(line, ApiJson.Document);
        var type = document.RootElement.GetProperty("type").GetString();
        var content = document.RootElement.GetProperty("object");
        return type switch
        {
            "ADDED" => (WatchEventType.Added, Read()),
            "MODIFIED" => (WatchEventType.Modified, Read()),
            "DELETED" => (WatchEventType.Deleted, Read()),
            "BOOKMARK" => (WatchEventType.Bookmark, Read()),
            _ => throw Refused(content.Deserialize<V1Status>(ApiJson.Options)!, "watch", resource.Plural, null),
        };

        ApiObject Read() => content.Deserialize<ApiObject>(ApiJson.Options)!;
    }

    private static bool IsOfEndingNamespace(V1Status status) => status.Details?.Causes?.Any(static cause => cause.Reason == "NamespaceTerminating") is true;

    private static ApiException Refused(V1Status status, string verb, string resource, TimeSpan? retryAfter)
    {
        var code = (HttpStatusCode?)status.Code;
        var (plural, group) = (resource, ApiGroupOf(resource));
        var advice = code switch
        {
            HttpStatusCode.Forbidden when IsOfEndingNamespace(status) => "",
            HttpStatusCode.Forbidden => $" A role of KubeCop's service account has to have: apiGroups: [\"{group}\"], resources: [\"{plural}\"], verbs: [\"{verb}\"].",
            HttpStatusCode.Unauthorized => " The API server does not accept KubeCop's token: is its service account there, and is the token mounted?",
            HttpStatusCode.NotFound when verb is "list" or "watch" => " Is its definition there? kubecop crds writes those of KubeCop, for kubectl apply.",
            _ => "",
        };
        return new ApiException($"The API server refused to {verb} {resource}: {status.Message ?? status.Reason ?? code.ToString()}.{advice}")
        {
            Code = code,
            RetryAfter = retryAfter,
            IsOfEndingNamespace = IsOfEndingNamespace(status),
        };
    }

    private static string ApiGroupOf(string resource) =>
        new[]
        {
            ApiResource.ReplicaSets, ApiResource.Jobs, ApiResource.Events, ApiResource.TokenReviews, ApiResource.AccessReviews, ApiResource.Bindings, ApiResource.Profiles,
        }
            .FirstOrDefault(known => resource == known.Plural || resource.StartsWith(known.Plural + "/", StringComparison.Ordinal))?.Group ?? "";

    private async Task<ApiObject> PatchAsync(string path, string resource, string mediaType, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Patch, Address(path));
        request.Content = new ReadOnlyMemoryContent(body) { Headers = { ContentType = new MediaTypeHeaderValue(mediaType) } };
        Accept(request, representation: null);
        return await ReadAsync<ApiObject>(request, "patch", resource, cancellationToken);
    }

    private Uri Address(string path) => new(client.BaseUri, path);

    private async Task<T> ReadAsync<T>(HttpRequestMessage request, string verb, string resource, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        using var response = await SendAsync(request, verb, resource, either.Token, cancellationToken);
        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(either.Token);
            return await JsonSerializer.DeserializeAsync<T>(stream, ApiJson.Options, either.Token)
                ?? throw new JsonException("the answer is empty");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or JsonException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new ApiException($"The API server's answer ({verb} {resource}) could not be read: {exception.Message}", exception);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, string verb, string resource, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        return await SendAsync(request, verb, resource, either.Token, cancellationToken);
    }

    private async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, string verb, string resource, CancellationToken cancellationToken, CancellationToken callers)
    {
        HttpResponseMessage response;
        try
        {
            request.Version = HttpVersion.Version20;
            if (client.Credentials is { } credentials)
            {
                await credentials.ProcessHttpRequestAsync(request, cancellationToken);
            }

            response = await client.HttpClient.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }
        catch (Exception exception) when (!callers.IsCancellationRequested)
        {
            // Whatever a broken connection, certificate or token file throws.
            ApiInstruments.CountRequest(verb, resource, 0);
            var reason = exception is OperationCanceledException ? $"no answer within {timeout.TotalSeconds:0.#} s" : exception.InnerException?.Message ?? exception.Message;
            throw new ApiException($"The API server at {client.BaseUri.Authority} cannot be asked to {verb} {resource}: {reason}", exception);
        }

        ApiInstruments.CountRequest(verb, resource, (int)response.StatusCode);
        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw Refused(await StatusOfAsync(response, cancellationToken), verb, resource, RetryAfter(response));
        }
    }

    private static async Task<V1Status> StatusOfAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            var text = await response.Content.ReadAsStringAsync(cancellationToken);
            if (response.Content.Headers.ContentType?.MediaType == Json && JsonSerializer.Deserialize<V1Status>(text, ApiJson.Options) is { Code: not null } status)
            {
                return status;
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or JsonException or OperationCanceledException)
        {
            // Not of the API server itself, but of something before it; or the rest of its answer did not come in time.
        }

        return new V1Status { Code = (int)response.StatusCode, Message = $"HTTP {(int)response.StatusCode} {response.ReasonPhrase}" };
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - time.GetUtcNow(),
        _ => null,
    };

    private async Task<ReadOnlyMemory<byte>> ReadLineAsync(LineReader reader, TimeSpan silence, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(silence, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            return await reader.ReadAsync(either.Token);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // A connection that broke, or from which nothing comes any more: the watch goes on from where it was.
            return default;
        }
    }
}
