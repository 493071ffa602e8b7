namespace KubeCop.Tests.Kubernetes.Emulator;

/// <summary>Objects as tables and as their metadata alone.</summary>
public sealed class RepresentationTests : EmulatorTests
{
    private const string Table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    private const string Metadata = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json";
    private const string MetadataList = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        _server.Apply(ApiClient.Profile("a", ""","status":{"phase":"final","opens":3}"""));
    }

    [Fact]
    public async Task Table_HasTheDefinitionsColumns()
    {
        var table = (await _client.GetAsync($"{ApiClient.Profiles}?includeObject=None", Table)).Body;

        Assert.Equal(("Table", "meta.k8s.io/v1"), ((string?)table["kind"], (string?)table["apiVersion"]));
        Assert.Equal(
            "Name:0 Phase:0 Containers:0 Execs:0 Opens:0 Lost:0 Syscalls:1 Connections:1 Age:0",
            string.Join(' ', table["columnDefinitions"]!.AsArray().Select(static column => $"{column!["name"]}:{column["priority"]}")));
        var row = Assert.Single(table["rows"]!.AsArray())!;
        Assert.Matches("""^\["a","final",null,null,3,null,null,null,"\d+s"\]$""", row["cells"]!.ToJsonString());
        Assert.Null(row["object"]);
    }

    [Fact]
    public async Task Table_OfAWatch_HasARowAnEvent()
    {
        using var watch = await _client.WatchAsync($"{ApiClient.Profiles}?watch=1", Table);
        var added = await watch.NextAsync();

        Assert.Equal("ADDED", (string?)added!["type"]);
        var row = Assert.Single(added["object"]!["rows"]!.AsArray())!;
        Assert.Equal(("PartialObjectMetadata", "a"), ((string?)row["object"]!["kind"], (string?)row["object"]!["metadata"]!["name"]));
    }

    [Fact]
    public async Task Metadata_IsGivenAlone_InGetListAndWatch()
    {
        var one = (await _client.GetAsync($"{ApiClient.Profiles}/a", Metadata)).Body;
        var list = (await _client.GetAsync(ApiClient.Profiles, MetadataList)).Body;
        using var watch = await _client.WatchAsync($"{ApiClient.Profiles}?watch=1", Metadata);
        var added = (await watch.NextAsync())!["object"]!;

        Assert.Equal("PartialObjectMetadataList", (string?)list["kind"]);
        foreach (var seen in new[] { one, list["items"]![0]!, added })
        {
            Assert.Equal(("PartialObjectMetadata", "a"), ((string?)seen["kind"], (string?)seen["metadata"]!["name"]));
            Assert.Null(seen["spec"]);
        }
    }

    [Fact]
    public async Task Protobuf_IsNotSpoken()
    {
        Assert.Equal(406, (await _client.GetAsync(ApiClient.Profiles, "application/vnd.kubernetes.protobuf")).Code);
        Assert.Equal(200, (await _client.GetAsync(ApiClient.Profiles, "application/vnd.kubernetes.protobuf,application/json")).Code);
    }
}
