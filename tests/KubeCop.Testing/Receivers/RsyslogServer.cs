using System.Globalization;
using System.Text.Json.Nodes;
using KubeCop.Testing.Storage;

namespace KubeCop.Testing.Receivers;

/// <summary>rsyslog, which splits messages with its parser of RFC 5424 and structured data with its module for that.</summary>
public sealed class RsyslogServer : SyslogServer
{
    private static readonly string[] Parameters = ["rule", "error", "rule_id", "alert_id", "args", "fix_suggestion", "malware_name", "path", "size", "is_part_of_image"];

    private RsyslogServer()
    {
    }

    public override IReadOnlyList<SyslogLine> Lines => [.. SyslogLine.ReadObjects(Output).Select(Read)];

    /// <inheritdoc cref="SyslogServer.StartAsync{T}(T)"/>
    public static Task<RsyslogServer> StartNewAsync() => StartAsync(new RsyslogServer());

    protected override async Task<ServerProcess> StartProcessAsync(Func<Task<bool>> answers)
    {
        var configuration = Directory.Combine("rsyslog.conf");
        var data = string.Join("\n  ", Parameters.Select(static name => $"property(outname=\"{name}\" name=\"$!rfc5424-sd!kubecop@32473!{name}\" format=\"jsonf\")"));
        await File.WriteAllTextAsync(configuration, $$"""
            global(workDirectory="{{Directory.Path}}" maxMessageSize="64k"
              defaultNetstreamDriverCAFile="{{AuthorityFile}}" defaultNetstreamDriverCertFile="{{CertificateFile}}" defaultNetstreamDriverKeyFile="{{KeyFile}}")
            module(load="imudp")
            module(load="imtcp")
            module(load="mmpstrucdata")
            template(name="line" type="list" option.jsonf="on") {
              property(outname="priority" name="pri" format="jsonf")
              property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
              property(outname="host" name="hostname" format="jsonf")
              property(outname="app" name="app-name" format="jsonf")
              property(outname="process" name="procid" format="jsonf")
              property(outname="id" name="msgid" format="jsonf")
              property(outname="text" name="msg" format="jsonf")
              {{data}}
            }
            ruleset(name="all") {
              action(type="mmpstrucdata")
              action(type="omfile" file="{{Output}}" template="line")
            }
            input(type="imudp" address="127.0.0.1" port="{{UdpPort}}" ruleset="all")
            input(type="imtcp" address="127.0.0.1" port="{{TcpPort}}" ruleset="all")
            input(type="imtcp" address="127.0.0.1" port="{{TlsPort}}" ruleset="all" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")

            """);
        return await ServerProcess.StartAsync(
            Directory.Combine("rsyslog.log"),
            [
                DebianReceivers.PathOf("usr/sbin/rsyslogd"), "-n", "-f", configuration, "-i", Directory.Combine("pid"),
                "-M", DebianReceivers.PathOf("usr/lib/x86_64-linux-gnu/rsyslog"),
            ],
            answers,
            environment: DebianReceivers.Environment);
    }

    private static SyslogLine Read(JsonObject line) => new()
    {
        Priority = int.Parse((string)line["priority"]!, CultureInfo.InvariantCulture),
        Time = DateTimeOffset.Parse((string)line["time"]!, CultureInfo.InvariantCulture),
        Host = (string)line["host"]!,
        App = (string)line["app"]!,
        Process = (string)line["process"]!,
        Id = (string)line["id"]!,
        Text = ((string)line["text"]!).TrimStart('\ufeff'),
        Data = Parameters.Where(name => line[name] is { } value && (string)value! != "").ToDictionary(static name => name, name => (string)line[name]!),
    };
}
