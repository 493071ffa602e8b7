using KubeCop.Core.Bindings;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Placement;
using KubeCop.Grains.Policies;
using KubeCop.Grains.Profiles;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Runtime.Hosting;
using Orleans.Serialization;

namespace KubeCop.Grains;

public static class KubeCopGrainsSiloBuilderExtensions
{
    /// <summary>
    /// Adds KubeCop's grains to a silo whose <c>SiloOptions.SiloName</c> is the node's name. The host also registers <c>NodeRules</c>,
    /// <c>IAlertDispatcher</c>, <c>IBehaviourJournal</c>, <c>IKernelClock</c>, the values of <see cref="LearningOptions"/> and a grain
    /// storage named <see cref="GrainStorage.Name"/>.
    /// </summary>
    public static ISiloBuilder AddKubeCopGrains(this ISiloBuilder builder)
    {
        builder.AddPlacementDirector<NodePlacement, NodePlacementDirector>();
        builder.AddGrainDirectory(NodeGrainDirectory.Name, static (_, _) => new NodeGrainDirectory());
        builder.Services.TryAddSingleton(TimeProvider.System);
        // What a store says has to reach the silo that asked: an exception of any other namespace arrives as one of serialization.
        builder.Services.Configure<ExceptionSerializationOptions>(static options => options.SupportedNamespacePrefixes.UnionWith(["KubeCop", "Npgsql", "StackExchange"]));
        builder.Services.TryAddSingleton<IRepeatFilter, NoRepeatFilter>();
        builder.Services.TryAddSingleton<IPodWorkloads, RuntimeWorkloads>();
        builder.Services.TryAddSingleton<IPolicySource, NoPolicySource>();
        builder.Services.AddSingleton<StorageWarnings>();
        builder.Services.AddSingleton<ProfileCache>();
        builder.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(static services => services.GetRequiredService<ProfileCache>());
        builder.Services.AddOptionsWithValidateOnStart<LearningOptions>()
            .Validate(
                static options => options.Period >= TimeSpan.FromSeconds(1) && options.Period <= TimeSpan.FromDays(366),
                $"{LearningOptions.Section}:Period must be between 1 second and 366 days; 15m is the default, 12h or more is advised in production.")
            .Validate(
                static options => options.MaxEntriesPerKind is > 0 and <= 1_000_000,
                $"{LearningOptions.Section}:MaxEntriesPerKind must be between 1 and 1000000; the default is 10000.")
            .Validate(static options => options.MaxProfileBytes >= 1024, $"{LearningOptions.Section}:MaxProfileBytes must be at least 1024; the default is 921600.")
            .Validate(static options => options.KeptRevisions >= 0, $"{LearningOptions.Section}:KeptRevisions must be at least 0; the default is 3.")
            .Validate(static options => options.MaxVariableNames >= 0, $"{LearningOptions.Section}:MaxVariableNames must be at least 0; the default is 10.");
        return builder;
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
