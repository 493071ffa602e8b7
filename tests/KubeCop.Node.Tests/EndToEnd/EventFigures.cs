using System.Globalization;
using System.Text.Json;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>What <c>/api/v1</c> says of one container's events: by kind, how many came and how many were lost.</summary>
internal sealed record EventFigures(IReadOnlyDictionary<string, long> Received, IReadOnlyDictionary<string, long> Lost)
{
    /// <summary>Kinds that are never filtered, and opens of files that nobody opened before: of these every one made is received or lost.</summary>
    private static readonly string[] Counted = ["exec", "exit", "fork", "open"];

    public static async Task<EventFigures> OfAsync(KubeCopProcess kubecop, string containerId)
    {
        var container = (await kubecop.GetAsync("/api/v1/containers")).GetProperty("items").EnumerateArray()
            .FirstOrDefault(item => item.GetProperty("id").GetString() == containerId);
        var received = container.ValueKind == JsonValueKind.Undefined
            ? []
            : container.GetProperty("eventsByKind").EnumerateObject().ToDictionary(static kind => kind.Name, static kind => kind.Value.GetInt64());
        var lost = (await kubecop.GetAsync("/api/v1/node")).GetProperty("sensor").GetProperty("lostByContainer").EnumerateArray()
            .Where(loss => loss.GetProperty("containerId").GetString() == containerId)
            .GroupBy(static loss => loss.GetProperty("kind").GetString()!, static loss => loss.GetProperty("count").GetInt64())
            .ToDictionary(static kind => kind.Key, static kind => kind.Sum());
        return new EventFigures(received, lost);
    }

    /// <summary>What the program of load.c says it has made, from its lines "KIND COUNT".</summary>
    public static IReadOnlyDictionary<string, long> MadeBy(IEnumerable<string> output) => output
        .Select(static line => line.Split(' '))
        .Where(static words => words.Length == 2 && Counted.Contains(words[0]))
        .ToDictionary(static words => words[0], static words => long.Parse(words[1], CultureInfo.InvariantCulture));

    /// <summary>Received or lost since <paramref name="before"/>, by kind.</summary>
    public IReadOnlyDictionary<string, long> AccountedSince(EventFigures before) =>
        Counted.ToDictionary(static kind => kind, kind => Sum(kind) - before.Sum(kind));

    public override string ToString() => $"received {Text(Received)}; lost {Text(Lost)}";

    internal static string Text(IReadOnlyDictionary<string, long> counts) => string.Join(", ", counts.Select(static count => $"{count.Key} {count.Value}"));

    private long Sum(string kind) => Received.GetValueOrDefault(kind) + Lost.GetValueOrDefault(kind);
}
