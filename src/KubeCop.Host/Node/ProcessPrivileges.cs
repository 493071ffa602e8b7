using KubeCop.Host.Configuration;
using KubeCop.Sensor;
using KubeCop.Sensor.Privileges;

namespace KubeCop.Host.Node;

/// <summary>What became of the capabilities the process was started with.</summary>
/// <param name="State">What was done.</param>
/// <param name="Capabilities">Those that are left, each with the reason.</param>
/// <param name="Failure">Why they could not be dropped; empty when they were, or were not to be.</param>
internal sealed record PrivilegeStatus(PrivilegeState State, IReadOnlyList<KeptCapability> Capabilities, string Failure = "");

internal enum PrivilegeState
{
    /// <summary>The process has what it was started with.</summary>
    Kept,

    /// <summary>It has only what it needs.</summary>
    Dropped,

    /// <summary>Not every thread gave up what it should.</summary>
    Failed,
}

/// <summary>A capability that is left.</summary>
internal sealed record KeptCapability(string Name, string Reason);

/// <summary>
/// Leaves the process with the capabilities it still needs as soon as the hooks are attached: what containers make it read is read without the
/// others. Registered after the sensor, before whatever reads that.
/// </summary>
/// <param name="needs">What the settings need.</param>
/// <param name="keep">Why nothing is dropped; empty to drop.</param>
internal sealed partial class ProcessPrivileges(PrivilegeNeeds needs, string keep, ISensor sensor, ILogger<ProcessPrivileges> logger) : IHostedLifecycleService
{
    /// <summary>The reason of a process that runs more than a node.</summary>
    public const string KeptByOwner = "the process does more than to run a node";

    public const string KeptBySetting = $"{PrivilegeOptions.Section}:{nameof(PrivilegeOptions.Keep)} is true";

    private volatile PrivilegeStatus? _status;

    public PrivilegeStatus Status => _status ??= new PrivilegeStatus(PrivilegeState.Kept, All(keep));

    public Task StartingAsync(CancellationToken cancellationToken)
    {
        if (keep.Length > 0)
        {
            return Task.CompletedTask;
        }

        var effective = ThreadCapabilities.Effective;
        var needed = needs with { MapsNeedCapability = sensor.GetStatus().MapsNeedCapability };
        var left = Capability.All
            .Select(capability => (capability.Name, Reason: capability.StaysFor(needed), Mask: capability.MaskIn(effective)))
            .Where(static kept => kept.Reason.Length > 0 && kept.Mask != 0)
            .ToList();
        try
        {
            ThreadCapabilities.Limit(left.Aggregate(0UL, static (mask, kept) => mask | kept.Mask));
            _status = new PrivilegeStatus(PrivilegeState.Dropped, [.. left.Select(static kept => new KeptCapability(kept.Name, kept.Reason))]);
            LogDropped(left.Count == 0 ? "none" : string.Join(", ", left.Select(static kept => $"{kept.Name} ({kept.Reason})")));
        }
        catch (PrivilegeException exception)
        {
            _status = new PrivilegeStatus(PrivilegeState.Failed, All(exception.Message), exception.Message);
            LogFailed(exception.Message);
        }

        return Task.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Those that are there for the whole process, for one reason.</summary>
    private static IReadOnlyList<KeptCapability> All(string reason)
    {
        var effective = ThreadCapabilities.Effective;
        return
        [
            .. Enumerable.Range(0, 64)
                .Where(number => (effective >> number & 1) != 0)
                .Select(number => new KeptCapability($"CAP_{KubeCop.Core.Events.Capabilities.Name(number)}", reason)),
        ];
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The hooks are attached: no thread has capabilities any more that it does not need. Left: {Capabilities}")]
    private partial void LogDropped(string capabilities);

    [LoggerMessage(Level = LogLevel.Error, Message = "The process goes on with capabilities that it does not need. {Reason}")]
    private partial void LogFailed(string reason);
}
