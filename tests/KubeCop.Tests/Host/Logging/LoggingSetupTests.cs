using KubeCop.Host.Configuration;
using KubeCop.Host.Logging;
using KubeCop.Storage;
using Microsoft.Extensions.Logging;

namespace KubeCop.Tests.Host.Logging;

public sealed class LoggingSetupTests
{
    [Fact]
    public void AddStderr_NotVerbose_LeavesFailuresOfStorageToOurOwnWords()
    {
        using var loggers = Loggers(verbose: false);

        Assert.False(IsErrorLogged(loggers, typeof(WatchedGrainStorage).FullName!));
        Assert.False(IsErrorLogged(loggers, "Orleans.Grain"));
        Assert.False(IsErrorLogged(loggers, "Orleans.Core.StateStorageBridge"));
        Assert.True(IsErrorLogged(loggers, "KubeCop.Storage"));
        Assert.True(IsErrorLogged(loggers, "KubeCop.Grains.Workloads.WorkloadGrain"));
        Assert.True(IsErrorLogged(loggers, "Orleans.GrainDirectory.LocalGrainDirectory"));
    }

    [Fact]
    public void AddStderr_Verbose_HasTheirStacksToo()
    {
        using var loggers = Loggers(verbose: true);

        Assert.True(IsErrorLogged(loggers, typeof(WatchedGrainStorage).FullName!));
        Assert.True(IsErrorLogged(loggers, "Orleans.Grain"));
    }

    private static ILoggerFactory Loggers(bool verbose) =>
        LoggerFactory.Create(logging => logging.AddStderr(new OutputOptions { Verbose = verbose }, statusLine: null));

    private static bool IsErrorLogged(ILoggerFactory loggers, string category) => loggers.CreateLogger(category).IsEnabled(LogLevel.Error);
}
