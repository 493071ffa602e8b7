using System.Text.Json;
using KubeCop.Testing;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.Kubernetes;

/// <summary>A node of a cluster: one run of the program after the other, with the same data.</summary>
public sealed class ClusterNode(string name, TestDirectory directory, IReadOnlyDictionary<string, string> settings, string hostRoot) : IAsyncDisposable
{
    private readonly List<KubeCopProcess> _runs = [];

    public string Name => name;

    /// <summary>The last run.</summary>
    public KubeCopProcess Process => _runs[^1];

    /// <summary>Of all runs.</summary>
    public IReadOnlyList<AlertView> Alerts => [.. _runs.SelectMany(static run => run.Alerts)];

    /// <summary>What it said about itself, for messages.</summary>
    public string Log => string.Join('\n', _runs.Select((run, index) => $"--- {name}, run {index + 1}\n{run.Errors}"));

    /// <summary>Starts the program; ends when it is ready to detect.</summary>
    public async Task StartAsync() => _runs.Add(await KubeCopProcess.StartAsync(new KubeCopOptions
    {
        DataDirectory = directory.Combine(name),
        HostRoot = hostRoot,
        LearningPeriod = "5s",
        Settings = settings,
    }));

    /// <summary>What is not as it is to be in a cluster that is whole.</summary>
    public async Task<IReadOnlyList<string>> FindFaultsAsync()
    {
        var node = await Process.GetAsync("/api/v1/node");
        var silo = node.GetProperty("silo");
        var degraded = node.GetProperty("degraded").EnumerateArray().Where(static part => Text(part, "part") != "sensor").Select(part => $"{name}: {Text(part, "part")}: {Text(part, "reason")}");
        return Text(silo, "state") == "member" ? [.. degraded] : [$"{name} is {Text(silo, "state")}: {Text(silo, "reason")}", .. degraded];
    }

    /// <summary>Whether it watches a container.</summary>
    public async Task<bool> WatchesAsync(string containerId) => (await Process.GetAsync("/api/v1/containers")).GetProperty("items").EnumerateArray().Any(item => Text(item, "id") == containerId);

    /// <summary>The bindings that are in force, each with its rules.</summary>
    public async Task<string> BindingsAsync()
    {
        var bindings = (await Process.GetAsync("/api/v1/bindings")).GetProperty("items").EnumerateArray();
        return string.Join("; ", bindings.Select(static binding => $"{Text(binding, "name")}: {string.Join(", ", binding.GetProperty("rules").EnumerateArray().Select(Rule))}"));

        static string Rule(JsonElement rule) => $"{Text(rule, "id")} {Text(rule, "severity")}";
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var run in _runs)
        {
            await run.DisposeAsync();
        }
    }

    private static string Text(JsonElement element, string field) => element.GetProperty(field).GetString() ?? "";
}
