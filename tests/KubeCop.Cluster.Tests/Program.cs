using KubeCop.Cluster.Tests.Faults;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

namespace KubeCop.Cluster.Tests;

/// <summary>The test runner; started with <c>silo FILE</c> it is a node of a test's cluster instead (<see cref="SiloPart"/>).</summary>
internal static class Program
{
    public static Task<int> Main(string[] args) =>
        args is [SiloPart.Verb, var file] ? SiloPart.RunAsync(file)
        : args.Any(static arg => arg is "--server" or "--internal-msbuild-node") ? TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
        : ConsoleRunner.Run(args);
}
