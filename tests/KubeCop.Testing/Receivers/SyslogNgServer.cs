using System.Globalization;
using System.Text.Json.Nodes;
using KubeCop.Testing.Storage;

namespace KubeCop.Testing.Receivers;

/// <summary>syslog-ng, whose <c>syslog()</c> source takes RFC 5424 alone: what is not of that form it marks as an error.</summary>
public sealed class SyslogNgServer : SyslogServer
{
    private const string DataPrefix = ".SDATA.kubecop@32473.";

    private SyslogNgServer()
    {
    }

    public override IReadOnlyList<SyslogLine> Lines => [.. SyslogLine.ReadObjects(Output).Select(Read)];

    /// <inheritdoc cref="SyslogServer.StartAsync{T}(T)"/>
    public static Task<SyslogNgServer> StartNewAsync() => StartAsync(new SyslogNgServer());

    protected override async Task<ServerProcess> StartProcessAsync(Func<Task<bool>> answers)
    {
        var configuration = Directory.Combine("syslog-ng.conf");
        await File.WriteAllTextAsync(configuration, $$"""
            @version: 3.38
            options { keep-hostname(yes); use-dns(no); log-msg-size(65536); stats-freq(0); };
            source s {
              syslog(ip("127.0.0.1") port({{UdpPort}}) transport("udp"));
              syslog(ip("127.0.0.1") port({{TcpPort}}) transport("tcp"));
              syslog(ip("127.0.0.1") port({{TlsPort}}) transport("tls") tls(key-file("{{KeyFile}}") cert-file("{{CertificateFile}}") peer-verify(optional-untrusted)));
            };
            destination d { file("{{Output}}" template("$(format-json priority=int($PRI) time=$S_ISODATE host=$HOST app=$PROGRAM process=$PID id=$MSGID text=$MESSAGE --key .SDATA.*)\n")); };
            log { source(s); destination(d); };

            """);
        return await ServerProcess.StartAsync(
            Directory.Combine("syslog-ng.log"),
            [
                DebianReceivers.PathOf("usr/sbin/syslog-ng"), "--foreground", "--no-caps", "--stderr", "--cfgfile", configuration,
                "--persist-file", Directory.Combine("persist"), "--pidfile", Directory.Combine("pid"), "--control", Directory.Combine("control"),
                "--module-path", DebianReceivers.PathOf("usr/lib/syslog-ng/3.38"),
            ],
            answers,
            environment: DebianReceivers.Environment);
    }

    private static SyslogLine Read(JsonObject line) => new()
    {
        Priority = (int)line["priority"]!,
        Time = DateTimeOffset.Parse((string)line["time"]!, CultureInfo.InvariantCulture),
        Host = (string?)line["host"] ?? "",
        App = (string?)line["app"] ?? "",
        Process = (string?)line["process"] ?? "",
        Id = (string?)line["id"] ?? "",
        Text = ((string?)line["text"] ?? "").TrimStart('\ufeff'),
        Data = Flatten(line).ToDictionary(),
    };

    // Dots in names make objects of them.
    private static IEnumerable<KeyValuePair<string, string>> Flatten(JsonObject line) =>
        line["_SDATA"] is JsonObject data && data.FirstOrDefault().Value is JsonObject element
            ? element.Select(static parameter => KeyValuePair.Create(parameter.Key, (string)parameter.Value!))
            : line.Where(static entry => entry.Key.StartsWith(DataPrefix, StringComparison.Ordinal))
                .Select(static entry => KeyValuePair.Create(entry.Key[DataPrefix.Length..], (string)entry.Value!));
}
