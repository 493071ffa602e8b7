using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Containers.Runtimes;
using KubeCop.Sensor.Privileges;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace KubeCop.Sensor;

/// <summary>One thing the sensor needs.</summary>
/// <param name="Name">For example <c>BTF</c>.</param>
/// <param name="Ok">Whether it is there.</param>
/// <param name="Detail">What was found.</param>
/// <param name="Remedy">What to do when it is not there.</param>
/// <param name="Fatal">Without it nothing can be detected.</param>
public sealed record SensorCheck(string Name, bool Ok, string Detail, string Remedy, bool Fatal = true);

/// <summary>Tells whether and how well the sensor can work on this machine, by really loading it.</summary>
public static class SensorDoctor
{
    /// <summary>What is cheap to find out before anything is changed on the machine.</summary>
    /// <exception cref="SensorException">This process cannot detect anything.</exception>
    public static void RequirePrivileges() => KernelSupport.RequireCapabilities();

    /// <summary>Checks the machine, then loads and attaches every program, and takes them away again; asks the runtimes who they are.</summary>
    public static async Task<IReadOnlyList<SensorCheck>> RunAsync(
        NodeOptions node, ContainersOptions containers, PrivilegeNeeds needs, CancellationToken cancellationToken)
    {
        var checks = new List<SensorCheck>(KernelSupport.Check(needs));
        try
        {
            using var programs = KernelPrograms.Load(new SensorOptions(), CgroupTree.Open(node.HostRoot).MountPoint);
            checks.AddRange(programs.Hooks.Select(static hook => new SensorCheck(
                $"hook {hook.Name}",
                hook.Attached,
                !hook.Attached ? hook.Detail : hook.Program == hook.Name ? hook.Type : $"{hook.Type}, {hook.Program}",
                "Detection goes on without the events of this hook.",
                Fatal: false)));
            checks.AddRange(RuleChecks(programs.Hooks));
        }
        catch (SensorException failure)
        {
            checks.Add(new SensorCheck("BPF programs", false, failure.Cause, failure.Remedy));
        }

        using var runtimes = new RuntimeSockets(Options.Create(node), Options.Create(containers), TimeProvider.System, NullLogger<RuntimeSockets>.Instance);
        await runtimes.ProbeAsync(all: true, cancellationToken);
        if (runtimes.Status.Count == 0)
        {
            checks.Add(new SensorCheck("runtimes", true, "no socket at the usual places; containers are found by their cgroups", ""));
        }

        checks.AddRange(runtimes.Status.Select(static runtime => new SensorCheck(
            $"runtime {runtime.Socket}",
            runtime.State == RuntimeSocketState.Available,
            runtime.State == RuntimeSocketState.Available ? $"{runtime.Runtime} {runtime.Version}" : runtime.Detail,
            "Detection goes on without what only the runtime knows (a pod's labels, an image's digest). "
                + $"Sockets are set with {ContainersOptions.Section}:RuntimeSockets.",
            Fatal: false)));
        return checks;
    }

    /// <summary>The rules that do not get to see everything they look at.</summary>
    internal static IEnumerable<SensorCheck> RuleChecks(IReadOnlyList<HookStatus> hooks)
    {
        var outages = HookEvents.Outages(hooks);
        return RuleCatalog.Descriptors
            .Select(rule => (rule.Id, Readiness: RuleReadiness.Of(rule, outages)))
            .Where(static rule => rule.Readiness.Missing.Count > 0)
            .Select(static rule => new SensorCheck(
                $"rule {rule.Id}",
                false,
                rule.Readiness.Reason,
                rule.Readiness.Works ? "The rule goes on with the events it sees." : "The rule cannot work on this machine; the other rules go on.",
                Fatal: false));
    }
}
