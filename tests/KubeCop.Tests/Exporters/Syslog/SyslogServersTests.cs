using System.Net;
using System.Net.Sockets;
using KubeCop.Core.Alerts;
using KubeCop.Core.Malware;
using KubeCop.Core.Rules;
using KubeCop.Exporters.Delivery;
using KubeCop.Exporters.Receivers;
using KubeCop.Exporters.Syslog;
using KubeCop.Testing;
using KubeCop.Testing.Receivers;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Exporters.Syslog;

/// <summary>rsyslog and syslog-ng say what they understood.</summary>
public sealed class SyslogServersTests
{
    private const string Hostile = "/tmp/a\"b]c\\d e=\"f\" größe";

    public static TheoryData<string, SyslogProtocol> Ways =>
        new MatrixTheoryData<string, SyslogProtocol>(["rsyslog", "syslog-ng"], [SyslogProtocol.Udp, SyslogProtocol.Tcp, SyslogProtocol.Tls]);

    [Theory, MemberData(nameof(Ways))]
    public async Task Server_UnderstandsEveryField(string name, SyslogProtocol protocol)
    {
        await using var server = await StartAsync(name);
        using var exporter = new SyslogExporter(OptionsFor(server, protocol));

        exporter.Export([TestAlerts.Create(1, path: Hostile, arguments: ["a", "]\"\\"]), TestAlerts.Create(2) with { Severity = Severity.Low }, TestAlerts.Malware(path: Hostile)]);

        var lines = await Wait.UntilAsync(() => server.Lines, static lines => lines.Count == 3, "three messages");
        var first = lines.Single(static line => line.Data["alert_id"] == TestAlerts.Create(1).Id);
        Assert.Equal((106, "node", "kubecop", "R0001"), (first.Priority, first.Host, first.App, first.Id));
        Assert.Equal(Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture), first.Process);
        Assert.Equal(TestAlerts.Create().Timestamp, first.Time);
        Assert.Equal($"Unexpected process launched: {Hostile}", first.Text);
        Assert.Equal(first.Text, first.Data["error"]);
        Assert.Equal("Unexpected process launched", first.Data["rule"]);
        Assert.Equal("a ]\"\\", first.Data["args"]);
        var malware = lines.Single(static line => line.Id == MalwareAlert.RuleId);
        Assert.Equal((Hostile, "Unix.Test.Evil-1", "2.0 KiB", "true"), (malware.Data["path"], malware.Data["malware_name"], malware.Data["size"], malware.Data["is_part_of_image"]));
        Assert.Equal(109, lines.Single(static line => line.Data["alert_id"] == TestAlerts.Create(2).Id).Priority);
    }

    [Theory]
    [InlineData(SyslogProtocol.Tcp)]
    [InlineData(SyslogProtocol.Tls)]
    public async Task Server_AwayAndBack_AllArrive(SyslogProtocol protocol)
    {
        await using var server = await StartAsync("rsyslog");
        await server.StopAsync();
        using var directory = new TestDirectory();
        using var exporter = new SyslogExporter(OptionsFor(server, protocol));
        using var dispatcher = new AlertDispatcher(
            [exporter],
            directory.Path,
            new DeliveryOptions { FirstPause = TimeSpan.FromMilliseconds(20), LongestPause = TimeSpan.FromMilliseconds(200) },
            new RuleCounters(),
            TimeProvider.System,
            NullLogger<AlertDispatcher>.Instance);
        Dispatch(dispatcher, 0, 1000);
        await Wait.UntilAsync(() => dispatcher.Failing.Count, static failing => failing == 1, "failure");
        Assert.Contains("Connection refused", dispatcher.Failing[0].Reason, StringComparison.Ordinal);

        await server.StartAsync();
        await Wait.UntilAsync(() => server.Lines.Count, static count => count >= 1000, "arrival of all");

        // Ends and comes back between two batches: what was written to the old connection must not count as sent.
        await server.StopAsync();
        Dispatch(dispatcher, 1000, 500);
        await Wait.UntilAsync(() => dispatcher.Failing.Count, static failing => failing == 1, "failure");
        await server.StartAsync();
        var lines = await Wait.UntilAsync(() => server.Lines, static lines => lines.DistinctBy(static line => line.Data["alert_id"]).Count() == 1500, "arrival of all");
        Assert.Empty(dispatcher.Dropped);
        Assert.InRange(lines.Count, 1500, 1500 + ((IAlertExporter)exporter).BatchSize);
    }

    [Fact]
    public async Task Connection_WhoseOtherEndIsDeaf_LosesNothingAndIsGivenUp()
    {
        // A listener that nobody accepts from: its kernel takes bytes until the window is full, as that of a stopped program does.
        using var deaf = new TcpListener(IPAddress.Loopback, 0);
        deaf.Server.ReceiveBufferSize = 4096;
        deaf.Start();
        using var exporter = new SyslogExporter(new SyslogOptions { Address = deaf.LocalEndpoint.ToString()!, Protocol = SyslogProtocol.Tcp, Timeout = TimeSpan.FromMilliseconds(200) });
        var batch = Enumerable.Range(0, 256).Select(static number => TestAlerts.Create(number, arguments: [new string('a', 6000)])).ToList();

        var failure = await Task.Run(() => Assert.Throws<ReceiverAwayException>(() => { for (var i = 0; i < 100; i++) { exporter.Export(batch); } }), TestContext.Current.CancellationToken)
            .WaitAsync(Wait.DefaultTimeout, TestContext.Current.CancellationToken);

        Assert.Equal(0, failure.Delivered);
        Assert.Contains("acknowledged", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tls_OfAnUnknownAuthority_IsRefusedInWords()
    {
        await using var server = await StartAsync("rsyslog");
        var options = OptionsFor(server, SyslogProtocol.Tls);
        options.Tls = new ReceiverTlsOptions();
        using var exporter = new SyslogExporter(options);

        var failure = Assert.Throws<ReceiverAwayException>(() => exporter.Export([TestAlerts.Create()]));

        Assert.Contains("its certificate is not accepted", failure.Message, StringComparison.Ordinal);
        Assert.Contains("CaFile", failure.Message, StringComparison.Ordinal);
        Assert.Empty(server.Lines);
    }

    private static async Task<SyslogServer> StartAsync(string name) => name == "rsyslog" ? await RsyslogServer.StartNewAsync() : await SyslogNgServer.StartNewAsync();

    private static SyslogOptions OptionsFor(SyslogServer server, SyslogProtocol protocol) => new()
    {
        Address = protocol switch
        {
            SyslogProtocol.Udp => $"127.0.0.1:{server.UdpPort}",
            SyslogProtocol.Tcp => $"127.0.0.1:{server.TcpPort}",
            _ => $"localhost:{server.TlsPort}",
        },
        Protocol = protocol,
        Tls = new ReceiverTlsOptions { CaFile = server.AuthorityFile },
    };

    private static void Dispatch(AlertDispatcher dispatcher, int first, int count)
    {
        for (var i = first; i < first + count; i++)
        {
            dispatcher.Dispatch(TestAlerts.Create(i));
        }
    }
}
