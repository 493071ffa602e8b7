using System.Diagnostics;
using System.Text.Json;
using KubeCop.Storage;
using KubeCop.Testing;

namespace KubeCop.Cluster.Tests.Storage;

/// <summary><c>kubecop storage check</c> as a process, on real stores.</summary>
public sealed class StorageCheckTests(StorageServers servers) : IDisposable
{
    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("file")]
    [InlineData("azureblob")]
    [InlineData("redis")]
    [InlineData("postgresql")]
    public async Task Check_StoreThatWorks_ShowsEachStepAndExitsWithZero(string provider)
    {
        var variables = await VariablesAsync(provider);
        var (exitCode, output, error) = await RunAsync(variables);
        Assert.True(exitCode == 0, output + error);
        Assert.Contains("conflict", output, StringComparison.Ordinal);
        Assert.Contains($"({provider}) works.", output, StringComparison.Ordinal);

        var (_, json, _) = await RunAsync(variables, "--json");
        var view = JsonDocument.Parse(json).RootElement;
        Assert.True(view.GetProperty("ok").GetBoolean(), json);
        Assert.Equal(
            ["read", "write", "read back", "conflict", "clear", "gone"],
            view.GetProperty("steps").EnumerateArray().Select(static step => step.GetProperty("step").GetString()!));
    }

    [Theory]
    [InlineData("azureblob", "KubeCop__Storage__AzureBlob__ConnectionString", "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=c2VjcmV0;BlobEndpoint=http://127.0.0.1:9/a;")]
    [InlineData("redis", "KubeCop__Storage__Redis__ConnectionString", "127.0.0.1:9,password=c2VjcmV0")]
    [InlineData("postgresql", "KubeCop__Storage__PostgreSql__ConnectionString", "Host=127.0.0.1;Port=9;Username=u;Password=c2VjcmV0")]
    public async Task Check_NobodyListens_SaysWhatToDoAndExitsWithOne(string provider, string variable, string value)
    {
        var (exitCode, output, error) = await RunAsync(new() { ["KubeCop__Storage__Provider"] = provider, [variable] = value });
        Assert.True(exitCode == 1, output + error);
        Assert.Contains("cannot be reached", output, StringComparison.Ordinal);
        Assert.Contains("cannot be used. Check that", output, StringComparison.Ordinal);
        Assert.DoesNotContain("c2VjcmV0", output + error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Check_DirectoryInUse_SaysByWhom()
    {
        using var held = DataDirectory.Open(_directory.Combine("data"));
        var (exitCode, output, _) = await RunAsync([]);
        Assert.Equal(1, exitCode);
        Assert.Contains($"is held by pid {Environment.ProcessId}", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("KubeCop__Storage__Provider", "floppy", "expected file or azureblob or redis or postgresql")]
    [InlineData("KubeCop__Storage__Provider", "azureblob", "KubeCop:Storage:AzureBlob:ConnectionString and ServiceUri are empty")]
    [InlineData("KubeCop__Storage__AzureBlob__Containr", "x", "'KubeCop:Storage:AzureBlob:Containr' is no setting")]
    public async Task Check_OptionsWrong_ExitsWithTwoAndNamesThem(string variable, string value, string named)
    {
        var (exitCode, _, error) = await RunAsync(new() { [variable] = value });
        Assert.Equal(2, exitCode);
        Assert.Contains(named, error, StringComparison.Ordinal);
    }

    private async Task<Dictionary<string, string>> VariablesAsync(string provider)
    {
        var variables = new Dictionary<string, string> { ["KubeCop__Storage__Provider"] = provider };
        switch (provider)
        {
            case "azureblob":
                variables["KubeCop__Storage__AzureBlob__ConnectionString"] = (await servers.AzuriteAsync()).ConnectionString;
                break;
            case "redis":
                variables["KubeCop__Storage__Redis__ConnectionString"] = (await servers.RedisAsync()).ConnectionString;
                break;
            case "postgresql":
                variables["KubeCop__Storage__PostgreSql__ConnectionString"] = (await servers.PostgreSqlAsync()).ConnectionString;
                break;
        }

        return variables;
    }

    private async Task<(int ExitCode, string Output, string Error)> RunAsync(Dictionary<string, string> variables, params string[] options)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "kubecop"), ["storage", "check", "--data-dir", _directory.Combine("data"), .. options])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(90), TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
