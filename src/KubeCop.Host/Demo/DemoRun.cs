using KubeCop.Core.Alerts;
using KubeCop.Core.Profiles;
using KubeCop.Exporters.Stdout;
using KubeCop.Host.Commands;
using KubeCop.Host.Configuration;
using KubeCop.Host.Http;
using KubeCop.Host.Node;

namespace KubeCop.Host.Demo;

/// <summary><c>kubecop demo</c>: the real thing on a container of its own, told while it happens.</summary>
internal sealed class DemoRun
{
    private const string Loop = "while :; do /bin/cat /srv/www/index.html >/dev/null; /bin/ls /srv/www >/dev/null; /bin/sleep 0.5; done";
    private static readonly TimeSpan LearningPeriod = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LearningPatience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan AlertPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ReadingTime = TimeSpan.FromSeconds(2);

    private static readonly Step[] Attack =
    [
        new("R0001", "An intruder runs a program this workload never runs: id.", ["/bin/id"]),
        new("R0002", "He reads the password file with cat, which the workload uses too, but never for this file.", ["/bin/cat", "/etc/shadow"]),
        new("R1000", "He copies a program into shared memory and starts it there.", ["/bin/sh", "-c", "/bin/cp /bin/busybox /dev/shm/id; /dev/shm/id"]),
        new("R1001", "He writes a program into the file system, one that is not in the image, and starts it.", ["/bin/sh", "-c", "/bin/cp /bin/busybox /usr/local/bin/id; /usr/local/bin/id"]),
    ];

    private readonly DemoContainer _container;
    private readonly DemoAlerts _alerts;
    private readonly StatusLine? _statusLine = Console.IsErrorRedirected ? null : new StatusLine(Console.Error);

    private DemoRun(DemoContainer container)
    {
        _container = container;
        _alerts = new DemoAlerts(new StdoutExporter(OutputFormat.Text, colour: !Console.IsOutputRedirected, _statusLine), alert => alert.State == AlertState.New && alert.Container.Id == container.Id);
    }

    public static async Task<int> RunAsync(bool verbose, CancellationToken stop)
    {
        try
        {
            DemoContainer.RequireTools();
            if (await DemoContainer.RemoveStaleAsync() is > 0 and var stale)
            {
                Console.WriteLine($"Cleaned up after {stale} earlier demo(s) that had been killed.");
            }

            await using var container = await DemoContainer.PrepareAsync();
            return await new DemoRun(container).RunAsync(Settings(container, verbose), stop);
        }
        catch (ToolException exception)
        {
            Console.Error.WriteLine($"kubecop: {exception.Message}");
            return ExitCode.Failure;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Console.WriteLine();
            Console.WriteLine("Interrupted; the container and everything else of the demo is gone.");
            return ExitCode.Failure;
        }
    }

    private static Settings Settings(DemoContainer container, bool verbose) => Configuration.Settings.Load(
    [
        new(Keys.DataDirectory, container.DataDirectory),
        new(Keys.HttpAddress, "127.0.0.1:0"),
        new(Keys.LearningPeriod, Duration.Format(LearningPeriod)),
        new(Keys.OutputFormat, nameof(OutputFormat.Text)),
        new(Keys.Verbose, verbose.ToString()),
        new(Keys.Quiet, (!verbose).ToString()),
    ]);

    private async Task<int> RunAsync(Settings settings, CancellationToken stop)
    {
        Tell("1. Starting a silo with the eBPF sensor on this machine.");
        await using var node = await NodeHost.StartAsync(settings, [_alerts], _statusLine, stop);
        Tell($"2. Starting a container that serves a page: {Loop}");
        await _container.StartAsync(Loop);
        Tell($"3. Learning for {Duration.Format(LearningPeriod)} what it normally does.");
        if (!await IsFinalAsync(node, stop))
        {
            Tell("The container's profile did not become final; 'kubecop doctor' tells what is wrong with this machine.");
            return ExitCode.Failure;
        }

        Tell("   Its profile is final. From now on it guards the container:");
        await ShowProfileAsync(node);
        Tell("4. The attack. Commands marked with $ are run inside the container.");
        foreach (var step in Attack)
        {
            Tell($"{Environment.NewLine}   {step.Story}{Environment.NewLine}   $ {string.Join(' ', step.Command)}{Environment.NewLine}");
            await _container.ExecAsync(step.Command);
            if (!await _alerts.WaitForAsync(step.ExpectedRule, AlertPatience, stop))
            {
                Tell($"   (No alert of rule {step.ExpectedRule} within {Duration.Format(AlertPatience)}: this should not happen.)");
            }

            await Task.Delay(ReadingTime, stop);
        }

        return Summarize();
    }

    private async Task<bool> IsFinalAsync(NodeHost node, CancellationToken stop)
    {
        var containers = node.Services.GetRequiredService<NodeContainers>();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop, node.Stopping);
        patience.CancelAfter(LearningPeriod + LearningPatience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(250));
        try
        {
            while (await timer.WaitForNextTickAsync(patience.Token))
            {
                if ((await containers.ListAsync()).Any(status => status.Container.Id == _container.Id && status.ProfileState == ProfileState.Final))
                {
                    return true;
                }
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
        }

        return false;
    }

    private async Task ShowProfileAsync(NodeHost node)
    {
        var statuses = await node.Services.GetRequiredService<NodeContainers>().ListAsync();
        var workload = statuses.First(status => status.Container.Id == _container.Id).Container.Workload;
        var profile = await node.Services.GetRequiredService<IGrainFactory>().GetGrain<Grains.Abstractions.Workloads.IWorkloadGrain>(workload.GrainKey).GetProfileAsync();
        foreach (var container in ProfileView.Of(profile!).Containers)
        {
            Tell($"   programs: {string.Join(' ', container.Execs.Select(static exec => exec.Path).Distinct())}");
            Tell($"   files:    {string.Join(' ', container.Opens.Select(static open => open.Path).Distinct())}");
        }
    }

    private int Summarize()
    {
        var alerts = _alerts.Alerts;
        Tell($"{Environment.NewLine}Summary: {alerts.Count} alerts of {alerts.DistinctBy(static entry => entry.Alert.RuleId).Count()} rules. From the deed in the kernel to the alert on the screen:");
        using var table = new StringWriter();
        TextTable.Write(table, ["rule", "name", "severity", "alerts", "fastest"], alerts.GroupBy(static entry => entry.Alert.RuleId).OrderBy(static rule => rule.Key).Select(static rule => new[]
        {
            rule.Key,
            rule.First().Alert.RuleName,
            Word.Of(rule.First().Alert.Severity),
            $"{rule.Count()}",
            $"{rule.Min(static entry => (entry.ShownAt - entry.Alert.Timestamp).TotalMilliseconds):0} ms",
        }));
        Tell(table.ToString());
        Tell("The container goes away now. 'kubecop run' watches the containers of this machine in the same way.");
        return Attack.All(step => alerts.Any(entry => entry.Alert.RuleId == step.ExpectedRule)) ? ExitCode.Success : ExitCode.Failure;
    }

    private void Tell(string text)
    {
        if (_statusLine is null)
        {
            Console.WriteLine(text);
        }
        else
        {
            _statusLine.WriteAround(() => Console.WriteLine(text));
        }
    }

    private sealed record Step(string ExpectedRule, string Story, string[] Command);
}
