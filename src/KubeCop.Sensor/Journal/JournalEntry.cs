using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;

namespace KubeCop.Sensor.Journal;

/// <summary>A delta whose workload has not acknowledged it.</summary>
/// <param name="Sequence">For <see cref="IBehaviourJournal.Acknowledge"/>.</param>
public sealed record JournalEntry(long Sequence, WorkloadKey Workload, ProfileDelta Delta);
