using System.Diagnostics;
using System.Text.Json;
using KubeCop.Testing.Kubernetes;

namespace KubeCop.Benchmarks;

/// <summary>
/// This program as an API server of its own process, with nodes' pods. It is asked over its standard input: each line is answered with what was asked for
/// until then and the CPU time that took; the end of the input ends it.
/// </summary>
internal sealed class ApiServerPart : IDisposable
{
    public const string Verb = "api-server";
    public const string Namespace = "kubecop";

    /// <summary>Pods of a deployment.</summary>
    public const int Replicas = 10;

    private readonly Process _process;

    private ApiServerPart(Process process) => _process = process;

    /// <summary>Starts it.</summary>
    /// <param name="kubeconfig">The file that clients are to use, written here.</param>
    public static async Task<ApiServerPart> StartAsync(string kubeconfig, int nodes, int podsPerNode)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, [Verb, kubeconfig, $"{nodes}", $"{podsPerNode}"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var part = new ApiServerPart(Process.Start(start)!);
        await part._process.StandardOutput.ReadLineAsync();
        return part;
    }

    /// <summary>What was asked for until now.</summary>
    public async Task<ApiUse> AskAsync()
    {
        await _process.StandardInput.WriteLineAsync();
        await _process.StandardInput.FlushAsync();
        return JsonSerializer.Deserialize<ApiUse>(await _process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The API server has ended."))!;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>The process itself.</summary>
    public static async Task<int> RunAsync(string kubeconfig, int nodes, int podsPerNode)
    {
        await using var server = await ApiServer.StartAsync(new ApiServerOptions { History = 100_000 });
        server.Apply($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {Namespace}}}}}");
        for (var deployment = 0; deployment < nodes * podsPerNode / Replicas; deployment++)
        {
            var workload = new EmulatedWorkload(server, $"web-{deployment}");
            for (var pod = 0; pod < Replicas; pod++)
            {
                workload.Schedule(SimulatedNode.NameOf(((deployment * Replicas) + pod) % nodes), $"{pod}");
            }
        }

        server.WriteKubeconfig(kubeconfig);
        Console.WriteLine("ready");
        while (await Console.In.ReadLineAsync() is not null)
        {
            Console.WriteLine(JsonSerializer.Serialize(new ApiUse(server.Requests(), Environment.CpuUsage.TotalTime)));
        }

        return 0;
    }
}

/// <summary>What an API server was asked for.</summary>
internal sealed record ApiUse(IReadOnlyList<RequestCount> Requests, TimeSpan Cpu);
