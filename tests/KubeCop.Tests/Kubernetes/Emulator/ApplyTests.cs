using System.Text.Json.Nodes;
using KubeCop.Testing.Kubernetes;

namespace KubeCop.Tests.Kubernetes.Emulator;

/// <summary>Server-side apply.</summary>
public sealed class ApplyTests : EmulatorTests
{
    [Fact]
    public async Task Apply_CreatesWhatIsMissing_AndSaysWhoOwnsIt()
    {
        var created = await ApplyAsync("a", "metadata: {labels: {x: y}}", "spec: {containers: [{name: web, syscalls: [read, write]}]}");

        Assert.Equal(201, created.Code);
        var entry = Assert.Single(created.Body["metadata"]!["managedFields"]!.AsArray())!;
        Assert.Equal(("a", "Apply", "kubescape.io/v1", "FieldsV1"), ((string?)entry["manager"], (string?)entry["operation"], (string?)entry["apiVersion"], (string?)entry["fieldsType"]));
        Assert.Equal(
            """{"f:metadata":{"f:labels":{"f:x":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:name":{},"f:syscalls":{}}}}}""",
            JsonNode.Parse(entry["fieldsV1"]!.ToJsonString())!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
    }

    [Fact]
    public async Task Apply_TakesAway_WhatItsManagerNoLongerApplies()
    {
        await ApplyAsync("a", "metadata: {labels: {x: y, z: z}}", "spec: {containers: [{name: web, syscalls: [read], opens: []}, {name: side, syscalls: [read]}]}");
        var applied = await ApplyAsync("a", "spec: {containers: [{name: web, syscalls: [read]}]}");

        Assert.Equal("""[{"name":"web","syscalls":["read"]}]""", Containers(applied));
        Assert.Null(applied.Body["metadata"]!["labels"]);
    }

    [Fact]
    public async Task Apply_Leaves_WhatOthersOwn()
    {
        await ApplyAsync("a", "metadata: {labels: {x: y}}", "spec: {containers: [{name: web, syscalls: [read], opens: []}]}");
        await ApplyAsync("b", "metadata: {labels: {x: y, own: b}}", "spec: {containers: [{name: web, opens: []}, {name: side, syscalls: [read]}]}");
        var applied = await ApplyAsync("a", "spec: {containers: [{name: web}]}");

        Assert.Equal("""[{"name":"web","opens":[]},{"name":"side","syscalls":["read"]}]""", Containers(applied));
        Assert.Equal("""{"x":"y","own":"b"}""", applied.Body["metadata"]!["labels"]!.ToJsonString());
    }

    [Fact]
    public async Task Apply_ConflictsWithOtherOwners_UnlessForced()
    {
        await ApplyAsync("a", "spec: {containers: [{name: web, syscalls: [read]}]}");
        var refused = await ApplyAsync("b", "spec: {containers: [{name: web, syscalls: [write]}]}");
        Assert.Equal((409, "Conflict"), (refused.Code, refused.Reason));
        Assert.Equal("Apply failed with 1 conflict: conflict with \"a\": .spec.containers[name=\"web\"].syscalls", refused.Message);
        var cause = Assert.Single(refused.Body["details"]!["causes"]!.AsArray())!;
        Assert.Equal(("FieldManagerConflict", ".spec.containers[name=\"web\"].syscalls"), ((string?)cause["reason"], (string?)cause["field"]));

        var forced = await ApplyAsync("b", "spec: {containers: [{name: web, syscalls: [write]}]}", force: true);
        Assert.Equal("""[{"name":"web","syscalls":["write"]}]""", Containers(forced));
        var kept = await ApplyAsync("a", "spec: {containers: [{name: web}]}");
        Assert.Equal("""[{"name":"web","syscalls":["write"]}]""", Containers(kept));
    }

    [Fact]
    public async Task Apply_OfTheSameValue_IsSharedWithoutConflict()
    {
        await ApplyAsync("a", "spec: {containers: [{name: web, syscalls: [read]}]}");
        Assert.Equal(200, (await ApplyAsync("b", "spec: {containers: [{name: web, syscalls: [read]}]}")).Code);
        var applied = await ApplyAsync("a", "spec: {containers: [{name: web}]}");

        Assert.Equal("""[{"name":"web","syscalls":["read"]}]""", Containers(applied));
    }

    [Fact]
    public async Task Apply_OfNothingNew_WritesNothing()
    {
        var first = await ApplyAsync("a", "spec: {containers: [{name: web, syscalls: [read]}]}");
        var second = await ApplyAsync("a", "spec: {containers: [{name: web, syscalls: [read]}]}");

        Assert.Equal((200, first.Version), (second.Code, second.Version));
    }

    [Fact]
    public async Task Update_TakesTheFieldsItChanges()
    {
        await ApplyAsync("a", "spec: {containers: [{name: web, syscalls: [read], opens: []}]}");
        await _client.MergeAsync($"{ApiClient.Profiles}/p?fieldManager=editor", """{"spec":{"containers":[{"name":"web","syscalls":["read","write"],"opens":[]}]}}""");
        var refused = await ApplyAsync("a", "spec: {containers: [{name: web, syscalls: [read], opens: []}]}");

        Assert.Equal(409, refused.Code);
        Assert.StartsWith("Apply failed with 1 conflict: conflict with \"editor\" using kubescape.io/v1 at ", refused.Message, StringComparison.Ordinal);
        var owners = _server.Get("applicationprofiles.kubescape.io", "default", "p")!["metadata"]!["managedFields"]!.AsArray();
        Assert.Equal(["a Apply", "editor Update"], owners.Select(static owner => $"{owner!["manager"]} {owner["operation"]}"));
    }

    [Fact]
    public async Task Status_IsAppliedAtItsSubresourceAlone()
    {
        var main = await ApplyAsync("a", "spec: {containers: []}", "status: {phase: final}");
        var status = await ApplyAsync("a", "spec: {containers: [{name: web}]}", "status: {phase: learning, conditions: [{type: Lossy, status: 'True'}]}", path: "p/status");

        Assert.Null(main.Body["status"]);
        Assert.Equal("learning", (string?)status.Body["status"]!["phase"]);
        Assert.Empty(status.Body["spec"]!["containers"]!.AsArray());
        Assert.Equal("status", (string?)Assert.Single(status.Body["metadata"]!["managedFields"]!.AsArray())!["subresource"]);
    }

    [Fact]
    public async Task Apply_IsRefused_WithoutAManager()
    {
        var refused = await _client.SendAsync(HttpMethod.Patch, $"{ApiClient.Profiles}/p", Body("spec: {containers: []}"), "application/apply-patch+yaml");

        Assert.Equal((422, true), (refused.Code, refused.Message.Contains("fieldManager: Required value", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Apply_NeedsTheRightToCreate_WhenNothingIsThere()
    {
        using var client = new ApiClient(_server, _server.AddUser("u", new AccessRule(["kubescape.io"], ["*"], ["patch"], [])));
        var refused = await client.SendAsync(HttpMethod.Patch, $"{ApiClient.Profiles}/p?fieldManager=u", Body("spec: {containers: []}"), "application/apply-patch+yaml");

        Assert.Equal((403, true), (refused.Code, refused.Message.Contains("cannot create resource", StringComparison.Ordinal)));
    }

    private static string Body(params string[] parts) =>
        $"apiVersion: kubescape.io/v1\nkind: ApplicationProfile\n{(parts.Any(static part => part.StartsWith("metadata", StringComparison.Ordinal)) ? "" : "metadata: {name: p}\n")}"
        + string.Join('\n', parts).Replace("metadata: {", "metadata: {name: p, ", StringComparison.Ordinal);

    private static string Containers(ApiResponse response) => response.Body["spec"]!["containers"]!.ToJsonString();

    private Task<ApiResponse> ApplyAsync(string manager, string part, string? more = null, bool force = false, string path = "p") => _client.SendAsync(
        HttpMethod.Patch,
        $"{ApiClient.Profiles}/{path}?fieldManager={manager}{(force ? "&force=true" : "")}",
        more is null ? Body(part) : Body(part, more),
        "application/apply-patch+yaml");
}
