using System.Text;
using System.Text.RegularExpressions;
using KubeCop.Core.Rules;
using KubeCop.Exporters.Syslog;

namespace KubeCop.Tests.Exporters.Syslog;

public sealed partial class SyslogMessageTests
{
    [Theory]
    [InlineData(Severity.Critical, 106)]
    [InlineData(Severity.High, 107)]
    [InlineData(Severity.Medium, 108)]
    [InlineData(Severity.Low, 109)]
    [InlineData(Severity.System, 106)]
    public void Priority_IsFacilityTimesEightAndSeverity(Severity severity, int priority) =>
        Assert.StartsWith($"<{priority}>1 2026-01-02T03:04:05.000000Z node kubecop {Environment.ProcessId} R0001 [kubecop@32473 ", Text(Write(severity: severity)), StringComparison.Ordinal);

    [Fact]
    public void Values_OfAnAttacker_StayWithinTheirParameter()
    {
        var text = Text(Write(path: "/tmp/\"] [evil@1 a=\"b\\"));
        Assert.Matches(Rfc5424(), text);
        Assert.Contains("exe=\"/tmp/\\\"\\] [evil@1 a=\\\"b\\\\\"", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(480)]
    [InlineData(8192)]
    public void Malware_HasKubeCopsParametersAndNoProcess(int limit)
    {
        var text = Text(SyslogMessage.Write(TestAlerts.Malware(path: "/opt/\"] [evil@1 a=\"\n"), new SyslogOptions(), limit));
        Assert.Matches(Rfc5424(), text);
        Assert.DoesNotContain(" uid=", text, StringComparison.Ordinal);
        Assert.DoesNotContain(" pid=", text, StringComparison.Ordinal);
        if (limit > 480)
        {
            Assert.Contains(
                $"malware_name=\"Unix.Test.Evil-1\" description=\"Unix.Test.Evil-1\" path=\"/opt/\\\"\\] [evil@1 a=\\\"\\\\n\" hash=\"{TestAlerts.Digest}\" "
                + "size=\"2.0 KiB\" is_part_of_image=\"true\" container_image=\"registry/web:1\"",
                text,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void LineBreaksAndControlCharacters_AreShown()
    {
        var text = Text(Write(path: "/tmp/a\nb\0\u001b[2J"));
        Assert.DoesNotContain('\n', text);
        Assert.DoesNotContain('\u001b', text);
        Assert.Contains("/tmp/a\\nb", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_OutsideOfAscii_SaysThatItIsUtf8()
    {
        var message = Write(path: "/tmp/größe");
        var at = message.AsSpan().IndexOf(Encoding.UTF8.Preamble);
        Assert.True(at > 0, "No byte order mark (RFC 5424, 6.4).");
        Assert.EndsWith("größe", Encoding.UTF8.GetString(message.AsSpan(at + 3)), StringComparison.Ordinal);
        Assert.Equal(-1, Write().AsSpan().IndexOf(Encoding.UTF8.Preamble));
    }

    [Theory]
    [InlineData(2048)]
    [InlineData(8192)]
    public void WhatIsTooLong_IsShortenedToTheLimitAndStaysWellFormed(int limit)
    {
        var alert = TestAlerts.Create(path: $"/{new string('é', 4000)}", arguments: [.. Enumerable.Range(0, 300).Select(static number => new string('\\', number))]);
        var message = SyslogMessage.Write(alert, new SyslogOptions(), limit);
        Assert.True(message.Length <= limit, $"{message.Length} bytes are more than {limit}.");
        Assert.Matches(Rfc5424(), Text(message));
        Assert.Contains("rule_id=\"R0001\"", Text(message), StringComparison.Ordinal);
    }

    [Fact]
    public void HeaderFields_AreCutToTheirLengthAndPrintable()
    {
        var text = Text(SyslogMessage.Write(TestAlerts.Create() with { Node = $"nöde {new string('n', 300)}", RuleId = new string('R', 60) }, new SyslogOptions(), 8192));
        var fields = text.Split(' ');
        Assert.Equal($"n_de_{new string('n', 250)}", fields[2]);
        Assert.Equal(new string('R', 32), fields[5]);
    }

    private static byte[] Write(string path = "/bin/id", Severity severity = Severity.Critical) =>
        SyslogMessage.Write(TestAlerts.Create(path: path) with { Severity = severity }, new SyslogOptions(), 8192);

    private static string Text(byte[] message) => new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(message);

    // The grammar of RFC 5424, 6, as far as we use it.
    [GeneratedRegex("""^<\d{1,3}>1 \S{1,32} [!-~]{1,255} [!-~]{1,48} [!-~]{1,128} [!-~]{1,32} \[kubecop@32473( [a-z_]{1,32}="(\\["\\\]]|[^"\\\]])*")+\] .*$""", RegexOptions.Singleline)]
    private static partial Regex Rfc5424();
}
