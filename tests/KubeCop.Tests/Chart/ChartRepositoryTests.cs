using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using KubeCop.Tests.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Logging;

namespace KubeCop.Tests.Chart;

/// <summary>The chart's repository, and the README's commands that install from it.</summary>
public sealed class ChartRepositoryTests : IDisposable
{
    private const string PublishedAt = "https://armosec.github.io/kubecop";

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [HelmFact]
    public async Task CommandsOfTheReadme_InstallFromThePackagedRepository()
    {
        var packages = _directory.Combine("packages");
        await Commands.RunAsync(Repository.PathOf("tools/package-chart"), packages);
        await using var server = Serve(packages);
        await server.StartAsync(TestContext.Current.CancellationToken);
        var helm = new Helm(_directory);

        var commands = File.ReadLines(Repository.PathOf("README.md"))
            .Where(static line => line.StartsWith("helm ", StringComparison.Ordinal))
            .Select(line => line.Replace(PublishedAt, server.Urls.Single(), StringComparison.Ordinal).Split(' ')[1..])
            .ToList();
        Assert.Equal(["repo", "install", "install"], commands.Select(static command => command[0]));
        await helm.RunAsync(commands[0]);
        var basic = await helm.RunAsync([.. commands[1], "--dry-run=client"]);
        var namespaced = await helm.RunAsync([.. commands[2], "--dry-run=client"]);

        Assert.Contains("kind: DaemonSet", basic, StringComparison.Ordinal);
        Assert.Contains("kind: DaemonSet", namespaced, StringComparison.Ordinal);
        Assert.Contains("scope: Cluster", basic, StringComparison.Ordinal);
        Assert.DoesNotContain("scope: Cluster", namespaced, StringComparison.Ordinal);
    }

    private static WebApplication Serve(string directory)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var server = builder.Build();
        server.UseStaticFiles(new StaticFileOptions { FileProvider = new PhysicalFileProvider(directory), ServeUnknownFileTypes = true });
        return server;
    }
}
