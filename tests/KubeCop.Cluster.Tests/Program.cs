using KubeCop.Cluster.Tests.Faults;
using KubeCop.Cluster.Tests.Membership;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

namespace KubeCop.Cluster.Tests;

/// <summary>The test runner; started with <c>silo FILE</c> it is a node of a test's cluster instead (<see cref="SiloPart"/>), with <c>member FILE</c> a bare silo (<see cref="MemberPart"/>).</summary>
internal static class Program
{
    public static Task<int> Main(string[] args) =>
        args is [SiloPart.Verb, var file] ? SiloPart.RunAsync(file)
        : args is [MemberPart.Verb, var member] ? MemberPart.RunAsync(member)
        : args.Any(static arg => arg is "--server" or "--internal-msbuild-node") ? TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
        : ConsoleRunner.Run(args);
}
