using System.Text.Json;
using System.Text.Json.Nodes;

namespace KubeCop.Testing.Receivers;

/// <summary>What a syslog server made of a message: its own parser's view.</summary>
public sealed record SyslogLine
{
    public required int Priority { get; init; }
    public required DateTimeOffset Time { get; init; }
    public required string Host { get; init; }
    public required string App { get; init; }
    public required string Process { get; init; }
    public required string Id { get; init; }
    public required string Text { get; init; }

    /// <summary>Structured data: parameters by name, of whichever element there is.</summary>
    public required IReadOnlyDictionary<string, string> Data { get; init; }

    /// <summary>The lines a server has written by now; one that is being written is left out.</summary>
    internal static IReadOnlyList<JsonObject> ReadObjects(string file)
    {
        var text = Contents.Read(file);
        return [.. text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => JsonSerializer.Deserialize<JsonObject>(line)!)];
    }
}
