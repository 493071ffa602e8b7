using KubeCop.Core.Bindings;
using KubeCop.Core.Events;
using KubeCop.Core.Malware;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Collection;
using KubeCop.Grains.Abstractions.Mirroring;
using KubeCop.Grains.Abstractions.Scanning;
using KubeCop.Grains.Containers;
using KubeCop.Grains.Placement;
using KubeCop.Grains.Policies;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;

namespace KubeCop.Grains;

public static class KubeCopGrainsSiloBuilderExtensions
{
    /// <summary>
    /// Adds KubeCop's grains to a silo whose <c>SiloOptions.SiloName</c> is the node's name. The host also registers the values of
    /// <see cref="LearningOptions"/>, a grain storage named <see cref="GrainStorage.Name"/>, and for a node with containers their
    /// <see cref="WatchedContainers"/> with the <see cref="CurrentSilo"/> that these ask.
    /// </summary>
    public static ISiloBuilder AddKubeCopGrains(this ISiloBuilder builder)
    {
        builder.AddPlacementDirector<NodePlacement, NodePlacementDirector>();
        builder.AddGrainDirectory(NodeGrainDirectory.Name, static (_, _) => new NodeGrainDirectory());
        builder.Services.TryAddSingleton(TimeProvider.System);
        // What a store says has to reach the silo that asked: an exception of any other namespace arrives as one of serialization.
        builder.Services.Configure<ExceptionSerializationOptions>(static options => options.SupportedNamespacePrefixes.UnionWith(["KubeCop", "Npgsql", "StackExchange"]));
        builder.Services.TryAddSingleton<IProfileMirror, NoProfileMirror>();
        builder.Services.TryAddSingleton<IProfileChanges, NoProfileChanges>();
        builder.Keep("profile watch", TimeSpan.Zero, TimeSpan.FromSeconds(10), static services => services.GetRequiredService<IProfileChanges>().Exists
            ? services.GetRequiredService<IGrainFactory>().GetGrain<IProfileWatchGrain>(IProfileWatchGrain.Key).KeepAsync()
            : Task.CompletedTask);
        // Not before the containers that run have said so.
        builder.Keep("collection", TimeSpan.FromMinutes(10), TimeSpan.FromHours(1), static services =>
            services.GetRequiredService<IGrainFactory>().GetGrain<ICollectorGrain>(ICollectorGrain.Key).RunAsync());
        builder.Services.TryAddSingleton<IMalwareScanner, NoMalwareScanner>();
        builder.Keep("malware scans", TimeSpan.Zero, TimeSpan.FromMinutes(1), static services => services.GetRequiredService<IMalwareScanner>().IsEnabled
            ? services.GetRequiredService<IGrainFactory>().GetGrain<IScannerGrain>(services.GetRequiredService<ILocalSiloDetails>().Name).KeepAsync()
            : Task.CompletedTask);
        builder.Services.TryAddSingleton<IPolicySource, NoPolicySource>();
        builder.Services.AddSingleton<StorageWarnings>();
        builder.Services.TryAddSingleton<CurrentSilo>();
        builder.Services.AddSingleton<SiloAttachment>();
        builder.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(static services => services.GetRequiredService<SiloAttachment>());
        builder.Services.AddOptionsWithValidateOnStart<LearningOptions>()
            .Validate(
                static options => options.Period >= TimeSpan.FromSeconds(1) && options.Period <= TimeSpan.FromDays(366),
                $"{LearningOptions.Section}:Period must be between 1 second and 366 days; 15m is the default, 12h or more is advised in production.")
            .Validate(
                static options => options.MaxEntriesPerKind is > 0 and <= 1_000_000,
                $"{LearningOptions.Section}:MaxEntriesPerKind must be between 1 and 1000000; the default is 10000.")
            .Validate(static options => options.MaxProfileBytes >= 1024, $"{LearningOptions.Section}:MaxProfileBytes must be at least 1024; the default is 921600.")
            .Validate(static options => options.KeptRevisions >= 0, $"{LearningOptions.Section}:KeptRevisions must be at least 0; the default is 3.")
            .Validate(static options => options.MaxVariableNames >= 0, $"{LearningOptions.Section}:MaxVariableNames must be at least 0; the default is 10.")
            .Validate(
                static options => options.ForgetAfter == TimeSpan.Zero || options.ForgetAfter >= TimeSpan.FromDays(1),
                $"{LearningOptions.Section}:ForgetAfter must be 0 or at least a day; the default is 90 days.");
        return builder;
    }

    private static void Keep(this ISiloBuilder builder, string name, TimeSpan delay, TimeSpan period, Func<IServiceProvider, Task> call) =>
        builder.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(
            services => new GrainKeeper(name, delay, period, () => call(services), services.GetRequiredService<TimeProvider>()));

    /// <summary>
    /// Adds what watches containers and outlives silos. It needs <c>NodeRules</c>, <c>IAlertDispatcher</c>, <c>IBehaviourJournal</c>,
    /// <c>IKernelClock</c> and the values of <see cref="LearningOptions"/>; it takes an <see cref="IRepeatFilter"/>, <see cref="IKeptProfiles"/>
    /// and <see cref="IExecutedFiles"/>.
    /// </summary>
    public static IServiceCollection AddWatchedContainers(this IServiceCollection services)
    {
        services.TryAddSingleton<CurrentSilo>();
        services.TryAddSingleton<IRepeatFilter, NoRepeatFilter>();
        services.TryAddSingleton<IPodWorkloads, RuntimeWorkloads>();
        services.TryAddSingleton<IKeptProfiles, NoKeptProfiles>();
        services.TryAddSingleton<IExecutedFiles>(NoExecutedFiles.Instance);
        services.TryAddSingleton<WatchedContainers>();
        return services;
    }

    /// <summary>Has this silo bring the cluster's policy, which one silo reads from its <see cref="IPolicySource"/>, to a sink.</summary>
    public static ISiloBuilder FollowPolicy(this ISiloBuilder builder, IPolicySink sink)
    {
        builder.Services.AddSingleton(sink);
        builder.Services.AddSingleton<PolicyFollower>();
        builder.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(static services => services.GetRequiredService<PolicyFollower>());
        return builder;
    }
}
