using KubeCop.Core.Profiles;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace KubeCop.Sensor.Journal;

public static class JournalServiceCollectionExtensions
{
    /// <summary>
    /// Keeps learned behaviour on this node until it is stored, and replays at start what was left. Needs a CurrentSilo, and the data
    /// directory to be held.
    /// </summary>
    public static IServiceCollection AddBehaviourJournal(this IServiceCollection services)
    {
        services.AddOptions<JournalOptions>()
            .BindConfiguration(JournalOptions.Section)
            .Validate(
                static options => options.IsValid(),
                $"A value in {JournalOptions.Section} is out of range: SyncInterval 10 ms to 1 s, MaxBufferBytes from 65536, SegmentBytes 4096 to 67108864, "
                + "MaxDiskBytes from SegmentBytes, RetryInterval more than 0.")
            .ValidateOnStart();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<BehaviourJournal>();
        services.AddSingleton<IBehaviourJournal>(static provider => provider.GetRequiredService<BehaviourJournal>());
        services.AddHostedService<JournalReplayService>();
        return services;
    }
}
