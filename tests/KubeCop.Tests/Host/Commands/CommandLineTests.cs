using KubeCop.Testing.Sensor;
using KubeCop.Tests.Core.Bindings;

namespace KubeCop.Tests.Host.Commands;

/// <summary>The built program as a process: what scripts see.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kubecop-cli-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("banana", "run", "--learning-period", "banana")]
    [InlineData("--output 'xml'", "run", "--output", "xml")]
    [InlineData("--bogus", "run", "--bogus")]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("--exec PATH", "profiles", "allow", "default/container-a", "--container", "web")]
    [InlineData("--connect PROTO:ADDRESS:PORT", "profiles", "allow", "default/container-a", "--container", "web")]
    [InlineData("--limit", "alerts", "--limit", "-3")]
    [InlineData("--json and --markdown", "rules", "--json", "--markdown")]
    [InlineData("ADDRESS:PORT", "status", "--http", "nowhere")]
    [InlineData("FILE is empty", "bindings", "check", "")]
    [InlineData("FILE is empty", "record", "")]
    [InlineData("FILE is empty", "replay", "")]
    public async Task Usage_Wrong_ExitsWithTwoAndNamesIt(string named, params string[] arguments)
    {
        var (exitCode, output, error) = await RunAsync(arguments);

        Assert.Equal(2, exitCode);
        Assert.Contains(named, error, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    [Theory]
    [InlineData("status")]
    [InlineData("containers")]
    [InlineData("alerts")]
    [InlineData("profiles")]
    [InlineData("profiles", "list")]
    [InlineData("profiles", "show", "container-a")]
    public async Task Verb_NoSiloRuns_ExitsWithThree(params string[] arguments)
    {
        var (exitCode, _, error) = await RunAsync([.. arguments, "--data-dir", _directory]);

        Assert.Equal(3, exitCode);
        Assert.Contains("'kubecop run'", error, StringComparison.Ordinal);
        Assert.Contains($"with the data directory {_directory}:", error, StringComparison.Ordinal);
        Assert.Contains("--data-dir DIR", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hint_RunUnderAnotherName_HasThatName()
    {
        var (_, _, error) = await CommandLine.RunAsync(["status", "--data-dir", _directory], ("KUBECOP_COMMAND", "tools/kubecop"));
        Assert.Contains("'tools/kubecop run'", error, StringComparison.Ordinal);
        (_, _, error) = await CommandLine.RunAsync(["profiles", "show"], ("KUBECOP_COMMAND", "tools/kubecop"));
        Assert.Contains("see tools/kubecop profiles show --help", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("There is no 'frobnicate' of kubecop.", "frobnicate")]
    [InlineData("There is no 'frobnicate' of kubecop.", "frobnicate", "--json", "x")]
    [InlineData("There is no 'frobnicate' of kubecop bindings.", "bindings", "frobnicate")]
    [InlineData("'frobnicate'", "profiles", "frobnicate")]
    public async Task Verb_ThatThereIsNot_IsOneErrorAndWhereToLook(string message, params string[] arguments)
    {
        var (exitCode, _, error) = await RunAsync(arguments);

        Assert.Equal(2, exitCode);
        var lines = error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(lines.Length == 2, error);
        Assert.Contains(message, lines[0], StringComparison.Ordinal);
        Assert.EndsWith("--help", lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("alerts")]
    [InlineData("record")]
    public async Task Help_OptionWithADefault_TellsItOnce(string verb)
    {
        var (exitCode, output, _) = await RunAsync([verb, "--help"]);

        Assert.Equal(0, exitCode);
        var line = Assert.Single(output.Split('\n'), static line => line.Contains("--limit", StringComparison.Ordinal) || line.Contains("--max-mib", StringComparison.Ordinal));
        Assert.Single(System.Text.RegularExpressions.Regex.Matches(line, "default", System.Text.RegularExpressions.RegexOptions.IgnoreCase));
    }

    [Fact]
    public async Task Verb_SiloWasKilled_ExitsWithThree()
    {
        // Nothing listens on the discard port of loopback.
        await File.WriteAllTextAsync(Path.Combine(_directory, "http-address"), "127.0.0.1:9\n", TestContext.Current.CancellationToken);

        Assert.Equal(3, (await RunAsync(["status", "--data-dir", _directory])).ExitCode);
    }

    [Theory]
    [InlineData("R1001", "rules")]
    [InlineData("\"id\":\"R1001\"", "rules", "--json")]
    [InlineData("## R1001", "rules", "--markdown")]
    public async Task Rules_InEachForm_ListTheRules(string expected, params string[] arguments)
    {
        var (exitCode, output, _) = await RunAsync(arguments);

        Assert.Equal(0, exitCode);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_BindingsNotValid_ExitsWithTwoWithAllErrorsAndTouchesNothing()
    {
        var (file, data) = (Path.Combine(_directory, "b.yaml"), Path.Combine(_directory, "data"));
        await File.WriteAllTextAsync(file, BindingSample.Yaml("b", "rules:\n- ruleID: R1\n- ruleID: R2"), TestContext.Current.CancellationToken);

        var (exitCode, output, error) = await RunAsync(["run", "--bindings", file, "--data-dir", data]);

        Assert.Equal((2, ""), (exitCode, output));
        Assert.Equal(
            [
                $"kubecop: {file}:7: binding b, spec.rules[0].ruleID: there is no rule ID 'R1'; the nearest is 'R0001'",
                $"kubecop: {file}:8: binding b, spec.rules[1].ruleID: there is no rule ID 'R2'; the nearest is 'R0002'",
            ],
            error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.False(Directory.Exists(data));
    }

    [Fact]
    public async Task Run_WithoutCapabilities_SaysSoAndTouchesNothing()
    {
        var data = Path.Combine(_directory, "data");
        string[] arguments = ["run", "--data-dir", data, "--http", "127.0.0.1:0"];

        var (exitCode, output, error) = Environment.IsPrivilegedProcess
            ? await CommandLine.RunAsync("setpriv", ["--bounding-set=-all", CommandLine.Program, .. arguments])
            : await RunAsync(arguments);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("kubecop: CAP_BPF: missing, to load BPF programs", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(data));
    }

    [Theory]
    [InlineData("run")]
    [InlineData("replay", "FILE")]
    [InlineData("bindings", "check")]
    public async Task Bindings_FileMissing_ExitsWithTwo(params string[] verb)
    {
        var file = Path.Combine(_directory, "no.yaml");
        var (exitCode, output, error) = await RunAsync(verb[0] == "bindings" ? [.. verb, file] : [.. verb, "--bindings", file]);
        Assert.Equal((2, "", $"kubecop: {file}: there is no such file\n"), (exitCode, output, error));
    }

    [Theory]
    [InlineData("1 binding of 2 rules", "rules:\n- ruleID: R0001\n- ruleTags: [base image]")]
    [InlineData("1 binding of 1 rule", "rules:\n- ruleID: R0001")]
    public async Task BindingsCheck_Valid_CountsThem(string counts, string spec)
    {
        var file = Path.Combine(_directory, "b.yaml");
        await File.WriteAllTextAsync(file, BindingSample.Yaml("b", spec), TestContext.Current.CancellationToken);
        Assert.Equal((0, $"{file}: {counts}, no errors\n", ""), await RunAsync(["bindings", "check", file]));
    }

    [Fact]
    public async Task Replay_OtherBindings_RaisesOnlyWhatTheyBind()
    {
        var file = Path.Combine(_directory, "b.yaml");
        await File.WriteAllTextAsync(file, BindingSample.Yaml("b", "rules:\n- ruleID: R1000\n  severity: low"), TestContext.Current.CancellationToken);

        var (exitCode, output, error) = await RunAsync(["replay", Recordings.LearnThenAttack, "--learning-period", "9s", "--output", "json", "--bindings", file]);

        Assert.True(exitCode == 0, error);
        var alerts = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEmpty(alerts);
        Assert.All(alerts, static alert => Assert.Contains("\"ruleId\":\"R1000\"", alert, StringComparison.Ordinal));
        Assert.All(alerts, static alert => Assert.Contains("\"severity\":\"low\"", alert, StringComparison.Ordinal));
    }

    private static Task<(int ExitCode, string Output, string Error)> RunAsync(string[] arguments) => CommandLine.RunAsync(arguments);
}
