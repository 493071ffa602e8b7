using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using k8s;
using KubeCop.Cluster.Tests.Faults;
using KubeCop.Kubernetes.Membership;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;

namespace KubeCop.Cluster.Tests.Membership;

/// <summary>What a bare silo is to be.</summary>
internal sealed record Member(string Name, int Port, string ClusterId, string Kubeconfig);

/// <summary>
/// This program as a silo with nothing but its membership on the API server. It is asked over its standard input as a <see cref="SiloPart"/> is;
/// SIGTERM ends it in order, the end of the test at once.
/// </summary>
internal static class MemberPart
{
    public const string Verb = "member";

    public static async Task<int> RunAsync(string file)
    {
        var member = JsonSerializer.Deserialize<Member>(await File.ReadAllTextAsync(file))!;
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning);
        builder.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(static options => options.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.AddSingleton<IKubernetes>(new k8s.Kubernetes(KubernetesClientConfiguration.BuildConfigFromConfigFile(member.Kubeconfig)));
        builder.UseOrleans(silo =>
        {
            silo.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (member.ClusterId, "kubecop"));
            silo.Configure<SiloOptions>(options => options.SiloName = member.Name);
            silo.ConfigureEndpoints(IPAddress.Loopback, member.Port, gatewayPort: 0);
            silo.UseKubernetesMembership(static options => options.Namespace = MembershipServer.Namespace);

            // Everything within a test's time.
            silo.Configure<ClusterMembershipOptions>(static options =>
            {
                options.ProbeTimeout = options.MinProbeTimeout = TimeSpan.FromSeconds(0.5);
                options.MaxProbeTimeout = TimeSpan.FromSeconds(2);
                options.TableRefreshTimeout = TimeSpan.FromSeconds(1);
                options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(3);
                options.DefunctSiloExpiration = options.DefunctSiloMinimumRetention = TimeSpan.FromSeconds(5);
                options.DefunctSiloCleanupPeriod = TimeSpan.FromSeconds(1);
            });
        });
        using var host = builder.Build();
        await host.StartAsync();
        using var stop = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            stop.Cancel();
        });
        new Thread(() => Serve(host.Services)) { IsBackground = true }.Start();
        Answer("ready");
        await Task.Delay(Timeout.Infinite, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await host.StopAsync();
        return 0;
    }

    private static void Serve(IServiceProvider services)
    {
        while (Console.In.ReadLine() is { } line)
        {
            try
            {
                Answer(ObeyAsync(line, services).GetAwaiter().GetResult());
            }
            catch (Exception exception)
            {
                Answer($"error {exception.GetType().Name} {exception.Message.ReplaceLineEndings(" ")}");
            }
        }

        System.Diagnostics.Process.GetCurrentProcess().Kill();
    }

    /// <summary><c>members</c>: the active silos as this one knows them; anything else: how many of them answer it over the network.</summary>
    private static async Task<string> ObeyAsync(string line, IServiceProvider services)
    {
        var snapshot = services.GetRequiredService<IClusterMembershipService>().CurrentSnapshot;
        var active = snapshot.Members.Values.Where(static silo => silo.Status == SiloStatus.Active).ToList();
        if (line == "members")
        {
            return string.Join(' ', active.Select(static silo => silo.Name).Order());
        }

        var statistics = await services.GetRequiredService<IGrainFactory>().GetGrain<IManagementGrain>(0).GetRuntimeStatistics([.. active.Select(static silo => silo.SiloAddress)]);
        return $"{statistics.Length}";
    }

    private static void Answer(string line)
    {
        Console.Out.WriteLine(SiloPart.AnswerPrefix + line);
        Console.Out.Flush();
    }
}
