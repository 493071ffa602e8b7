using KubeCop.Core.Alerts;
using KubeCop.Exporters.Stdout;
using KubeCop.Host.Configuration;

namespace KubeCop.Host.Node;

/// <summary>The node as a process of its own: alerts on standard output, everything else on standard error.</summary>
internal static class NodeProcess
{
    public static async Task<int> RunAsync(Settings settings, CancellationToken stop)
    {
        foreach (var warning in settings.Warnings)
        {
            Console.Error.WriteLine($"kubecop: {warning}");
        }

        var statusLine = Console.IsErrorRedirected || settings.Output.Format == OutputFormat.Json ? null : new StatusLine(Console.Error);
        IReadOnlyList<IAlertExporter> exporters = settings.Output.Stdout ? [new StdoutExporter(settings.Output.Format, !Console.IsOutputRedirected, statusLine)] : [];
        var started = TimeProvider.System.GetTimestamp();
        NodeHost node;
        try
        {
            node = await NodeHost.StartAsync(settings, exporters, statusLine, stop, ownsProcess: true);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return ExitCode.Success;
        }

        await using (node)
        {
            Console.Error.WriteLine(
                $"kubecop is ready after {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s: node {settings.Node.Name}, learning for {Duration.Format(settings.Learning.Period)}, "
                + $"data in {settings.Node.DataDirectory}, {(node.IsHttps ? "https" : "http")}://{node.Address}/dashboard");
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, node.Stopping);
            await Task.Delay(Timeout.Infinite, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stop.IsCancellationRequested)
            {
                Console.Error.WriteLine("kubecop: a part of the node has failed, see above.");
            }
        }

        return stop.IsCancellationRequested ? ExitCode.Success : ExitCode.Failure;
    }
}
