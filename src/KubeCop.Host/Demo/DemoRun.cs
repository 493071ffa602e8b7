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
    private static readonly TimeSpan LearningPeriod = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LearningPatience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan AlertPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ReadingTime = TimeSpan.FromSeconds(2);

    private static readonly string[] Workload = ["/bin/attack", "workload"];

    private static readonly Step[] Attack =
    [
        new("R0001", "An intruder runs a program this workload never runs."),
        new("R0002", "He reads a file it never reads."),
        new("R0005", "He asks for a name it never asks for."),
        new("R1001", "He writes a program into the file system, one that is not in the image, and starts it."),
        new("R1000-run", "He puts one where no program is installed to, and starts it there."),
        new("R1005-memfd", "He starts one that is in memory only, under the name of a thread of the kernel."),
        new("R1007-domain", "It looks for a mining pool; the answer comes from the container itself."),
        new("R1100-socket", "He has a shell talk to him through a socket."),
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
        Tell($"2. Starting a container with a workload that runs a few programs, reads files, asks for names, …: {string.Join(' ', Workload)}");
        await _container.StartAsync(Workload);
        Tell($"3. Learning for {Duration.Format(LearningPeriod)} what it normally does.");
        if (!await IsFinalAsync(node, stop))
        {
            Tell($"The container's profile did not become final; '{ProgramName.Value} doctor' tells what is wrong with this machine.");
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
        Tell($"The container goes away now. '{ProgramName.Value} run' watches the containers of this machine in the same way.");
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

    /// <param name="Scenario">Of the attack simulator.</param>
    private sealed record Step(string Scenario, string Story)
    {
        public string ExpectedRule => Scenario.Split('-')[0];

        public string[] Command => ["/bin/attack", Scenario];
    }
}
