using KubeCop.Core.Events;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>R1002. Both system calls, init_module with a module in memory and finit_module with a file, whatever the kernel answered.</summary>
internal sealed class KernelModuleLoad : IRule
{
    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1002",
            Name = "Kernel Module Load",
            Description = "A kernel module was loaded from a file or from memory (init_module, finit_module), or that was tried.",
            Severity = Severity.Critical,
            Tags = ["syscall", "kernel", "module", "load"],
            Mitre = new MitreTechnique("T1547.006", "Boot or Logon Autostart Execution: Kernel Modules and Extensions", "Persistence"),
            Events = [EventKind.Module],
            NeedsProfile = false,
            FalsePositives = "Privileged system containers whose task it is: drivers of devices, network and storage plugins. Leave the rule out of the binding of "
                + "such workloads.",
        },
        static _ => new KernelModuleLoad());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        var source = sensorEvent.Path.Length == 0 ? "memory" : (sensorEvent.Flags & EventFlags.FileInMemory) != 0 ? "memory (memfd)" : sensorEvent.Path;
        return new Finding(
            Refusal.Subject(sensorEvent, source),
            $"Kernel Module Load: {sensorEvent.Process.Comm} {(sensorEvent.IsRefused ? "tried to load" : "loaded")} a kernel module from {source}"
                + Refusal.Note(sensorEvent),
            "Containers load no kernel modules.",
            $"Take CAP_SYS_MODULE and privileged from the container's security context. If it is meant to load modules, {UnbindAdvice.For(context, Descriptor)}");
    }
}
