using System.Text;
using System.Text.Json;
using KubeCop.Core.Malware;
using KubeCop.Scanning.Quarantining;
using KubeCop.Scanning.Walking;
using KubeCop.Tests.Scanning.Walking;

namespace KubeCop.Tests.Host.Commands;

/// <summary>The built program over a real quarantine.</summary>
public sealed class QuarantineCommandTests : IDisposable
{
    private readonly Tree _tree = new();

    public void Dispose() => _tree.Dispose();

    [Fact]
    public async Task Verbs_MovedFile_IsListedRestoredElsewhereAndDeleted()
    {
        var (first, second) = (Take("a"), Take("b"));

        var (exitCode, output, _) = await RunAsync("list", "--json");
        Assert.Equal(0, exitCode);
        using (var json = JsonDocument.Parse(output))
        {
            var item = json.RootElement.GetProperty("items").EnumerateArray().First(item => item.GetProperty("id").GetString() == first);
            Assert.Equal((_tree.Combine("allowed/a"), "Test.Word"), (item.GetProperty("path").GetString(), item.GetProperty("signature").GetString()));
        }

        (exitCode, output, var error) = await RunAsync("restore", first, "--to", _tree.Combine("back"));
        Assert.True(exitCode == 0, error);
        Assert.Contains(_tree.Combine("back"), output, StringComparison.Ordinal);
        Assert.Equal("malicious a", await File.ReadAllTextAsync(_tree.Combine("back"), TestContext.Current.CancellationToken));

        (exitCode, _, error) = await RunAsync("delete", second);
        Assert.True(exitCode == 0, error);
        (_, output, _) = await RunAsync("list");
        Assert.DoesNotContain(first, output, StringComparison.Ordinal);
        Assert.DoesNotContain(second, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restore_SomethingIsThereOrTheIdIsUnknown_ExitsWithOneAndSaysWhatToDo()
    {
        var id = Take("a");
        _tree.Write("allowed/a", "somebody's");

        var (exitCode, _, error) = await RunAsync("restore", id);
        Assert.Equal(1, exitCode);
        Assert.Contains("--to", error, StringComparison.Ordinal);
        Assert.Equal("somebody's", await File.ReadAllTextAsync(_tree.Combine("allowed/a"), TestContext.Current.CancellationToken));

        (exitCode, _, error) = await RunAsync("delete", "../token");
        Assert.Equal(1, exitCode);
        Assert.Contains("kubecop quarantine list", error, StringComparison.Ordinal);
    }

    private Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments) =>
        CommandLine.RunAsync(["quarantine", .. arguments, "--data-dir", _tree.Combine("data")]);

    private string Take(string name)
    {
        _tree.Write($"allowed/{name}", $"malicious {name}");
        var options = new QuarantineOptions { Enabled = true };
        options.Paths.Add(_tree.Combine("allowed"));
        Directory.CreateDirectory(_tree.Combine("data"));
        var store = new QuarantineStore(_tree.Combine("data/quarantine"), "/", options, TimeProvider.System);
        using var walk = _tree.Begin(root: $"allowed/{name}");
        Assert.True(walk.MoveNext(), "The file is not there.");
        using var file = walk.Open()!;
        var finding = new MalwareFinding
        {
            Signature = "Test.Word",
            Sha256 = new string('a', 64),
            Size = file.Identity.Size,
            Owner = file.Owner,
            Group = file.Group,
            Modified = file.Modified,
            Changed = file.Changed,
            FoundAt = DateTimeOffset.UtcNow,
            Node = "node",
            HostPath = Encoding.UTF8.GetString(file.Path),
            Places = [],
        };
        return store.Take(file, new ScanRoot(new HostRoot("/"), ScanRootKind.HostPath, file.Path), finding).QuarantineId;
    }
}
