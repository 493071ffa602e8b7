using KubeCop.Exporters.Stdout;
using KubeCop.Host.Configuration;

namespace KubeCop.Host.Logging;

internal static class LoggingSetup
{
    /// <summary>Ours from Information, the frameworks' from Warning; verbose one step more, quiet one step less.</summary>
    public static ILoggingBuilder AddStderr(this ILoggingBuilder logging, OutputOptions output, StatusLine? statusLine)
    {
        var verbose = output.Verbose;
        logging.SetMinimumLevel(verbose ? LogLevel.Information : LogLevel.Warning);
        logging.AddFilter("KubeCop", verbose ? LogLevel.Debug : output.Quiet ? LogLevel.Warning : LogLevel.Information);

        if (!verbose)
        {
            // The one advises a heap per core, which a small process on every node should not have; the other reports, at every start,
            // that its first check took as long as the machine is up.
            logging.AddFilter("Orleans.Runtime.Silo", LogLevel.Error);
            logging.AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error);

            // A line for each connection for which there is no room.
            logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel.Connections", LogLevel.Error);

            // Our grains and our storage tell of what cannot be stored or read; the frameworks would add a stack to each try, under the
            // names of the storage, of a grain that was to be activated, and their own.
            logging.AddFilter("KubeCop.Storage.WatchedGrainStorage", LogLevel.None);
            logging.AddFilter("Orleans.Persistence", LogLevel.None);
            logging.AddFilter("Orleans.Grain", LogLevel.None);
            logging.AddFilter("Orleans.GrainDirectory", LogLevel.Warning);
            logging.AddFilter("Orleans.GrainReferences", LogLevel.Warning);
            logging.AddFilter("Orleans.Storage", LogLevel.None);
            logging.AddFilter("Orleans.Core.StateStorageBridge", LogLevel.None);
            logging.AddFilter("Orleans.Runtime.StateStorageBridge", LogLevel.None);
        }

        // What keeps the host from starting is explained by the command line, once and without its stack.
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None);
        var stderr = new StderrLoggerProvider(Console.Error, !Console.IsErrorRedirected, statusLine, TimeProvider.System);
        return logging.AddProvider(verbose ? stderr : new RefusedPeersLoggerProvider(stderr));
    }
}
