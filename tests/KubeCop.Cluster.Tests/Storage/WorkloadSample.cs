using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Workloads;

namespace KubeCop.Cluster.Tests.Storage;

internal static class WorkloadSample
{
    private static readonly DateTimeOffset Seen = new(2026, 1, 1, 12, 30, 0, 123, TimeSpan.Zero);

    /// <summary>The state of a workload that has something in every section, texts of containers as they may be among it.</summary>
    public static WorkloadState WithAllSections() => new()
    {
        Slots = new[]
        {
            new SlotState
            {
                Period = TimeSpan.FromHours(12),
                RegisteredAt = Seen,
                Containers = new[] { "node-1/c0ffee", "node-2/decaf" },
                Profile = new ContainerProfile
                {
                    Name = "web",
                    Revision = "r1",
                    State = ProfileState.Final,
                    Version = 17,
                    Generation = 2,
                    LearningStartedAt = Seen,
                    CompletesAt = Seen.AddHours(12),
                    Execs = new[] { new ExecEntry("/bin/sh", "/bin/busybox", new[] { "sh", "-c", "echo \"⋯\u001b[31m\n\0\"" }, Seen) },
                    Opens = new[] { new OpenEntry("/var/⋯/файл", new[] { "O_RDONLY", "O_CLOEXEC" }, Seen, 12) },
                    Gaps = new[] { new ObservationGap(Seen, Seen.AddMinutes(1)) },
                    Lost = 3,
                    IsPartial = true,
                    Syscalls = new[] { new SyscallEntry("openat", Seen) },
                    Capabilities = new[] { new CapabilityEntry("bind", new[] { "NET_BIND_SERVICE" }, new[] { "SYS_ADMIN" }, Seen) },
                    Dns = new[] { new DnsEntry("db.shop.svc.cluster.local.", new[] { "10.96.0.7", "fd00::7" }, Seen) },
                    Incoming = new[] { new NetworkEntry("TCP", 80, "", Seen) },
                    Outgoing = new[] { new NetworkEntry("TCP", 5432, "10.96.0.7", Seen) },
                    Sections = ProfileSections.Execs | ProfileSections.Opens | ProfileSections.Syscalls,
                    Index = 1,
                },
            },
        },
    };
}
