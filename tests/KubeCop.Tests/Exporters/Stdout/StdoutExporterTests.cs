using System.Buffers;
using System.IO.Pipes;
using System.Text;
using KubeCop.Core.Alerts;
using KubeCop.Core.Malware;
using KubeCop.Exporters.Stdout;

namespace KubeCop.Tests.Exporters.Stdout;

public sealed class StdoutExporterTests
{
    [Fact]
    public void Export_Json_OneLineAnAlertInTheContractsForm()
    {
        using var output = new MemoryStream();
        new StdoutExporter(OutputFormat.Json, colour: false, statusLine: null, output).Export([TestAlerts.Create(1), TestAlerts.Create(2, arguments: "a\nb")]);

        var lines = Encoding.UTF8.GetString(output.ToArray()).Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Empty(lines[2]);
        Assert.Equal(TestAlerts.Create(2).Id, AlertLine.Parse(Encoding.UTF8.GetBytes(lines[1])).Id);
    }

    [Fact]
    public void Export_ReaderHasGone_TellsTheWholeBatchAsLost()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        pipe.ClientSafePipeHandle.Dispose();
        using var output = new StandardOutput((int)pipe.SafePipeHandle.DangerousGetHandle());
        var exporter = new StdoutExporter(OutputFormat.Json, colour: false, statusLine: null, output);

        var loss = Assert.Throws<ExportException>(() => exporter.Export([TestAlerts.Create(1), TestAlerts.Create(2)]));

        Assert.Equal((StdoutExporter.Closed, 2), (loss.Reason, loss.Lost));
    }

    [Fact]
    public void Export_StatusLineShown_ItGivesWayAndComesBack()
    {
        using var terminal = new StringWriter();
        var statusLine = new StatusLine(terminal);
        statusLine.Show("learning");
        using var output = new CallbackStream(() => terminal.Write("<alert>"));

        new StdoutExporter(OutputFormat.Json, colour: false, statusLine, output).Export([TestAlerts.Create()]);

        Assert.Equal("\r\x1b[Klearning\r\x1b[K<alert>learning", terminal.ToString());
    }

    [Fact]
    public void Text_Alert_TellsWhatWhereWhoAndWhatToDo()
    {
        var text = Render(TestAlerts.Create(arguments: ["id", "-u"]), colour: false);

        Assert.Contains("CRITICAL", text, StringComparison.Ordinal);
        Assert.Contains("R0001  Unexpected process launched", text, StringComparison.Ordinal);
        Assert.Contains("where    default/Container/web, id c0ffee" + Environment.NewLine, text, StringComparison.Ordinal);
        Assert.Contains("nginx(7) > sh(41) > id(42) /bin/id, uid 0", text, StringComparison.Ordinal);
        Assert.Contains("command  id -u", text, StringComparison.Ordinal);
        Assert.Contains("kubecop profiles allow default/container-web --container web --exec /bin/id", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\x1b', text);
    }

    [Theory]
    [InlineData(MalwareLayer.ImageLayer, "where    default/Container/web, id c0ffee, image registry/web:1", "file     /opt/evil (image, 2048 bytes)")]
    [InlineData(null, "where    node node", "file     /layers/7/opt/evil (host, 2048 bytes)")]
    public void Text_Malware_TellsTheFileAndNoProcess(MalwareLayer? layer, string where, string file)
    {
        var alert = TestAlerts.Malware(layer);
        var text = Render(alert, colour: false);

        Assert.Contains(where + Environment.NewLine, text, StringComparison.Ordinal);
        Assert.Contains(file + Environment.NewLine, text, StringComparison.Ordinal);
        Assert.Contains($"sha256   {TestAlerts.Digest}", text, StringComparison.Ordinal);
        Assert.DoesNotContain("process  ", text, StringComparison.Ordinal);
        var json = new ArrayBufferWriter<byte>();
        AlertJson.Write(json, alert);
        Assert.Equal(text, Render(AlertLine.Parse(json.WrittenSpan), colour: false));
    }

    [Fact]
    public void Text_SameAlertFromItsJson_ReadsTheSame()
    {
        var alert = TestAlerts.Create(arguments: ["id", "\x1b[2J", "a\nb"]);
        var json = new ArrayBufferWriter<byte>();
        AlertJson.Write(json, alert);

        Assert.Equal(Render(alert, colour: false), Render(AlertLine.Parse(json.WrittenSpan), colour: false));
    }

    [Theory]
    [InlineData("\x1b[2J\x1b[1;1H")]
    [InlineData("\x1b]0;title\a")]
    [InlineData("a\r\nforged line")]
    [InlineData("\u009b31m")]
    [InlineData("\u202egnp.exe")]
    [InlineData("\ud800")]
    public void Text_HostileStrings_NothingActsOnTheTerminal(string hostile)
    {
        var alert = TestAlerts.Create(path: "/tmp/" + hostile, name: hostile, arguments: [hostile, hostile]);

        var text = Render(alert with { RuleName = hostile, Message = hostile }, colour: false);

        Assert.Equal(Render(TestAlerts.Create(arguments: "x"), colour: false).Split('\n').Length, text.Split('\n').Length);
        Assert.DoesNotContain(text.Replace(Environment.NewLine, "", StringComparison.Ordinal), static character => char.IsControl(character) || character is '\u202e' or '\ud800');
    }

    [Fact]
    public void Text_Colour_OnlyOursAndAlwaysReset()
    {
        var text = Render(TestAlerts.Create(path: "/\x1b[31m"), colour: true);

        Assert.StartsWith("\x1b[1;31mCRITICAL\x1b[0m", text[10..], StringComparison.Ordinal);
        Assert.Equal(text.Split("\x1b[0m").Length, (text.Split('\x1b').Length + 1) / 2);
    }

    [Fact]
    public void Text_TenThousandArguments_AreCut()
    {
        var text = Render(TestAlerts.Create(arguments: [.. Enumerable.Repeat("argument", 10_000)]), colour: false);

        Assert.InRange(text.Length, 400, 2000);
    }

    private static string Render(Alert alert, bool colour) => Render(AlertLine.From(alert), colour);

    private static string Render(AlertLine alert, bool colour)
    {
        var buffer = new ArrayBufferWriter<byte>();
        AlertText.Write(buffer, alert, colour);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private sealed class CallbackStream(Action written) : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => written();
    }
}
