using KubeCop.Testing;
using KubeCop.Tests.Core;

namespace KubeCop.Tests.Simulator;

public sealed class SimulatorPageTests
{
    private const string Begin = "<!-- attack list --markdown -->\n";
    private const string End = "<!-- end -->\n";

    [Fact]
    public async Task Table_OfThePage_IsWhatTheProgramSays()
    {
        var table = await Commands.RunAsync(Path.Combine(AppContext.BaseDirectory, "attack"), "list", "--markdown");
        var file = Repository.PathOf("docs/simulator.md");
        var page = File.ReadAllText(file);
        var from = page.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        var to = page.IndexOf(End, StringComparison.Ordinal);
        if (Environment.GetEnvironmentVariable("KUBECOP_WRITE_DOCS") == "1")
        {
            File.WriteAllText(file, page[..from] + table + page[to..]);
            return;
        }

        Assert.True(page[from..to] == table, "docs/simulator.md is not what 'attack list --markdown' says; run this test with KUBECOP_WRITE_DOCS=1");
    }

    [Theory]
    [InlineData("")]
    [InlineData("R0001", "R0002")]
    [InlineData("R9999")]
    [InlineData("R000")]
    [InlineData("all", "--twins")]
    [InlineData("R0001", "--directory")]
    public async Task Arguments_ThatItDoesNotKnow_AreAUsageError(params string[] arguments)
    {
        var result = await Commands.TryRunAsync(Path.Combine(AppContext.BaseDirectory, "attack"), arguments);

        Assert.Equal((2, ""), (result.ExitCode, result.Output));
        Assert.NotEmpty(result.Error);
    }
}
