using System.Globalization;
using CsvHelper;
using KubeCop.Core.Alerts;
using KubeCop.Exporters.Csv;
using KubeCop.Testing;

namespace KubeCop.Tests.Exporters.Csv;

public sealed class CsvExporterTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    private string MalwarePath => _directory.Combine("malware.csv");

    private string FilePath => _directory.Combine("alerts.csv");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Row_HasKubeCopsColumnsFirst()
    {
        using (var exporter = Create())
        {
            exporter.Export([TestAlerts.Create(1, path: "/tmp/a,\"b\"\r\nc", arguments: ["x", "y"])]);
        }

        using var csv = Read();
        Assert.Equal(
            [
                "Rule Name", "Alert Message", "Fix Suggestion", "Pod Name", "Container Name", "Namespace", "Container ID", "PID", "Comm", "Cwd", "UID", "GID", "PPID",
                "Mount Namespace ID", "Timestamp",
            ],
            csv.HeaderRecord!.Take(15));
        Assert.True(csv.Read(), "There is no row.");
        Assert.Equal("Unexpected process launched: /tmp/a,\"b\"\\r\\nc", csv["Alert Message"]);
        Assert.Equal(("42", "c0ffee", "x y", "2026-01-02T03:04:05.0000000Z"), (csv["PID"], csv["Container ID"], csv["Arguments"], csv["Timestamp"]));
        Assert.False(csv.Read(), "One alert made two rows.");
    }

    [Fact]
    public void Malware_HasKubeCopsColumnsInAFileOfItsOwn()
    {
        using (var exporter = new CsvExporter(new CsvOptions { Path = FilePath, MalwarePath = MalwarePath }))
        {
            exporter.Export([TestAlerts.Create(1), TestAlerts.Malware(), TestAlerts.Create(2), TestAlerts.Malware(layer: null)]);
        }

        Assert.Equal([TestAlerts.Create(1).Id, TestAlerts.Create(2).Id], Ids());
        using var csv = Read(MalwarePath);
        Assert.Equal(
            [
                "Malware Name", "Description", "Path", "Hash", "Size", "Resource", "Namespace", "Pod Name", "Container Name", "Container ID", "Is Part of Image",
                "Container Image",
            ],
            csv.HeaderRecord!.Take(12));
        Assert.True(csv.Read(), "There is no row.");
        Assert.Equal(
            ("Unix.Test.Evil-1", "/opt/evil", TestAlerts.Digest, "2.0 KiB", "true", "registry/web:1"),
            (csv["Malware Name"], csv["Path"], csv["Hash"], csv["Size"], csv["Is Part of Image"], csv["Container Image"]));
        Assert.Equal(("image", "2048", ""), (csv["Layer"], csv["Bytes"], csv["PID"]));
        Assert.True(csv.Read(), "There is no second row.");
        Assert.Equal(("/layers/7/opt/evil", "false", "Node", "host"), (csv["Path"], csv["Is Part of Image"], csv["Workload Kind"], csv["Layer"]));
        Assert.False(csv.Read(), "Other alerts are among malware.");
    }

    [Fact]
    public void Malware_WithoutAFileOfItsOwn_IsAmongTheOthers()
    {
        using (var exporter = Create())
        {
            exporter.Export([TestAlerts.Malware()]);
        }

        using var csv = Read();
        Assert.True(csv.Read(), "There is no row.");
        Assert.Equal(("KubeCopMalwareDetected", "", ""), (csv["Rule Name"], csv["PID"], csv["UID"]));
    }

    [Fact]
    public void OnlyMalware_IsTakenWhereOnlyItsFileIsNamed()
    {
        using var exporter = new CsvExporter(new CsvOptions { MalwarePath = MalwarePath });
        Assert.True(exporter.Takes(TestAlerts.Malware()));
        Assert.False(exporter.Takes(TestAlerts.Create(1)));
        Assert.False(exporter.Takes(TestAlerts.Malware() with { State = AlertState.Ongoing }));
    }

    /// <summary>What was written into the first file is not written again when the second one is away.</summary>
    [Fact]
    public void FileThatIsAway_LeavesOutWhatWasWrittenBefore()
    {
        using var exporter = new CsvExporter(new CsvOptions { Path = FilePath, MalwarePath = _directory.Combine("no/such/malware.csv") });

        var away = Assert.Throws<ReceiverAwayException>(() => exporter.Export([TestAlerts.Create(1), TestAlerts.Create(2), TestAlerts.Malware(), TestAlerts.Create(3)]));

        Assert.Equal(2, away.Delivered);
        Assert.Contains("malware.csv", away.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("malware.csv", "expected a file's path")]
    [InlineData("/tmp/alerts.csv", "expected one of its own")]
    public void MalwarePath_ThatIsNone_IsRefused(string path, string reason)
    {
        var mistake = new CsvOptions { Path = "/tmp/alerts.csv", MalwarePath = path }.FindMistake();
        Assert.StartsWith($"MalwarePath (EXPORTER_CSV_MALWARE_PATH) '{path}'", mistake, StringComparison.Ordinal);
        Assert.Contains(reason, mistake, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("=HYPERLINK(\"http://evil\")")]
    [InlineData("@SUM(A1)")]
    [InlineData("+1")]
    [InlineData("-1")]
    public void Value_ThatASpreadsheetWouldRun_IsMadeText(string argument)
    {
        using (var exporter = Create())
        {
            exporter.Export([TestAlerts.Create(1, arguments: [argument])]);
        }

        using var csv = Read();
        Assert.True(csv.Read(), "There is no row.");
        Assert.Equal($"'{argument}", csv["Arguments"]);
    }

    [Fact]
    public void FullFile_IsMovedAndSoManyAreKept()
    {
        using (var exporter = Create(maxBytes: 64 * 1024, kept: 2))
        {
            for (var i = 0; i < 1000; i++)
            {
                exporter.Export([TestAlerts.Create(i)]);
            }
        }

        Assert.Equal(["alerts.csv", "alerts.csv.1", "alerts.csv.2", "alerts.csv.lock"], Directory.EnumerateFiles(_directory.Path).Select(Path.GetFileName).Order());
        Assert.All(
            Directory.EnumerateFiles(_directory.Path).Where(static file => !file.EndsWith(".lock", StringComparison.Ordinal)),
            static file => Assert.InRange(new FileInfo(file).Length, 1, 64 * 1024));
        using var csv = Read();
        var ids = new List<string?>();
        while (csv.Read())
        {
            ids.Add(csv["Alert ID"]);
        }

        Assert.Equal(TestAlerts.Create(999).Id, ids[^1]);
    }

    [Fact]
    public void Restart_AfterACutRow_LosesOnlyThat()
    {
        using (var exporter = Create())
        {
            exporter.Export([TestAlerts.Create(1), TestAlerts.Create(2)]);
        }

        using (var file = File.Open(FilePath, FileMode.Open))
        {
            file.SetLength(file.Length - 10);
        }

        using (var exporter = Create())
        {
            exporter.Export([TestAlerts.Create(3)]);
        }

        Assert.Equal([TestAlerts.Create(1).Id, TestAlerts.Create(3).Id], Ids());
    }

    [Fact]
    public void FileWithOtherColumns_IsMovedAway()
    {
        File.WriteAllText(FilePath, "Rule Name,Alert Message\nold,alert\nno end");
        using (var exporter = Create(kept: 0))
        {
            exporter.Export([TestAlerts.Create(1)]);
        }

        Assert.Equal("Rule Name,Alert Message\nold,alert\nno end", File.ReadAllText(Directory.EnumerateFiles(_directory.Path, "alerts.csv.other-*").Single()));
        Assert.Equal([TestAlerts.Create(1).Id], Ids());
    }

    [Fact]
    public void File_ThatAnotherProcessWrites_IsLeftToIt()
    {
        using var first = Create();
        first.Export([TestAlerts.Create(1)]);
        using var second = Create();

        Assert.Contains("another process", Assert.Throws<ReceiverAwayException>(() => second.Export([TestAlerts.Create(2)])).Message, StringComparison.Ordinal);

        first.Export([TestAlerts.Create(3)]);
        first.Dispose();
        Assert.Equal([TestAlerts.Create(1).Id, TestAlerts.Create(3).Id], Ids());
    }

    [Fact]
    public void File_ThatIsMovedWhileItIsWritten_IsBegunAnew()
    {
        using (var exporter = Create())
        {
            exporter.Export([TestAlerts.Create(1)]);
            File.Move(FilePath, _directory.Combine("moved"));
            exporter.Export([TestAlerts.Create(2)]);
        }

        Assert.Equal([TestAlerts.Create(2).Id], Ids());
    }

    [Fact]
    public void Directory_ThatIsNotThere_IsTold() =>
        Assert.Contains(
            "it is not there",
            Assert.Throws<ReceiverAwayException>(() => new CsvExporter(new CsvOptions { Path = _directory.Combine("no/such/alerts.csv") }).Export([TestAlerts.Create()])).Message,
            StringComparison.Ordinal);

    private CsvExporter Create(long maxBytes = 1 << 20, int kept = 5) => new(new CsvOptions { Path = FilePath, MaxFileBytes = maxBytes, KeptFiles = kept });

    private CsvReader Read(string? path = null)
    {
        var csv = new CsvReader(new StreamReader(path ?? FilePath), CultureInfo.InvariantCulture);
        csv.Read();
        csv.ReadHeader();
        return csv;
    }

    private List<string?> Ids()
    {
        using var csv = Read();
        var ids = new List<string?>();
        while (csv.Read())
        {
            ids.Add(csv["Alert ID"]);
        }

        return ids;
    }
}
