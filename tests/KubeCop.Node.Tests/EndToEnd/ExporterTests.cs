using System.Text;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;
using KubeCop.Testing.Receivers;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>What a container does arrives at real receivers, also when one was away and the program was killed meanwhile.</summary>
public sealed class ExporterTests(ContainerdFixture containerd)
{
    [RealContainersFact]
    public async Task Attack_ArrivesAtEveryReceiver_AlsoAfterAnOutageAndAKill()
    {
        await using var alertmanager = await AlertmanagerServer.StartNewAsync();
        await using var syslog = await RsyslogServer.StartNewAsync();
        using var http = new HttpReceiverServer();
        using var directory = new TestDirectory();
        var csv = directory.Combine("alerts.csv");
        var options = new KubeCopOptions
        {
            DataDirectory = directory.Combine("data"),
            HostRoot = containerd.HostRoot,
            Settings = new Dictionary<string, string>
            {
                ["ALERTMANAGER_URLS"] = alertmanager.Address,
                ["SYSLOG_HOST"] = $"127.0.0.1:{syslog.TcpPort}",
                ["SYSLOG_PROTOCOL"] = "tcp",
                ["EXPORTER_CSV_RULE_PATH"] = csv,
                ["HTTP_ENDPOINT_URL"] = http.Url,
                ["KubeCop:Export:Delivery:LongestPause"] = "1s",
            },
        };
        await using var container = await containerd.RunAsync("/bin/sleep", "1000");
        string before;
        await using (var kubecop = await KubeCopProcess.StartAsync(options))
        {
            before = await AttackAsync(container, kubecop, "/run/before");
            await Wait.UntilAsync(() => syslog.Lines, lines => lines.Any(line => line.Data["alert_id"] == before), "alert in syslog");
            await Wait.UntilAsync(alertmanager.AlertsAsync, alerts => alerts.Any(alert => (string?)alert["annotations"]!["alert_id"] == before), "alert in Alertmanager");
            await Wait.UntilAsync(() => Contents.Read(csv), text => text.Contains(before, StringComparison.Ordinal), "alert in the CSV file");
            await Wait.UntilAsync(
                () => http.Requests, requests => requests.Any(request => Encoding.ASCII.GetString(request.Body).Contains(before, StringComparison.Ordinal)), "alert at the HTTP receiver");

            var test = await KubeCopProcess.RunVerbAsync("alerts", "test", "--data-dir", kubecop.DataDirectory);
            Assert.True(test.ExitCode == 0, $"Not every receiver took the test alert: {test.Output}{test.Error}");
            Assert.Contains("acknowledged by its machine", test.Output, StringComparison.Ordinal);

            await syslog.StopAsync();
            test = await KubeCopProcess.RunVerbAsync("alerts", "test", "--data-dir", kubecop.DataDirectory);
            Assert.Equal(1, test.ExitCode);
            Assert.Matches("syslog +tcp://127.0.0.1:[0-9]+ +FAILED .*cannot be reached", test.Output);

            var during = await AttackAsync(container, kubecop, "/run/during");

            // This one, and not only what others on this machine set off.
            var data = kubecop.DataDirectory;
            await Wait.UntilAsync(
                () => Directory.EnumerateFiles(data, "*", SearchOption.AllDirectories)
                    .Where(static file => file.Contains("/outbox/syslog/", StringComparison.Ordinal)).Select(Contents.Read).ToList(),
                files => files.Any(text => text.Contains(during, StringComparison.Ordinal)),
                "alert that waits on the disk");
            await kubecop.KillAsync();

            await syslog.StartAsync();
            await using var restarted = await kubecop.RestartAsync();
            await Wait.UntilAsync(() => syslog.Lines, lines => lines.Any(line => line.Data["alert_id"] == during), "alert of the outage in syslog");
        }
    }

    private static async Task<string> AttackAsync(ContainerdContainer container, KubeCopProcess kubecop, string program)
    {
        // That busybox knows no applet of this name does not matter.
        await container.ShellAsync($"mkdir -p /run && cp /bin/busybox {program} && {{ {program}; true; }}");
        return (await kubecop.WaitForAlertAsync(container.Id, $"an alert of {program}", alert => alert.RuleId == "R1000" && alert.Process.Exe == program)).Id;
    }
}
