namespace KubeCop.Core.Profiles;

/// <summary>How profiles are learned. Section <c>KubeCop:Learning</c>.</summary>
public sealed class LearningOptions
{
    public const string Section = "KubeCop:Learning";

    /// <summary>
    /// How long a workload is watched before its profile is final, from the first container seen from its start. At least 1 s; 12 h or more is
    /// advised in production. Default: 15 minutes.
    /// </summary>
    public TimeSpan Period { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>The most entries in one section (execs, opens, dns, …) of a container's profile; further ones are dropped and counted. Default: 10 000.</summary>
    public int MaxEntriesPerKind { get; set; } = 10_000;

    /// <summary>
    /// The most names in one directory that a profile lists which differ only in their numbers, or are random; of more it has one pattern
    /// (<see cref="OpenGeneralization"/>). 0 lists them all. Default: 10.
    /// </summary>
    public int MaxVariableNames { get; set; } = 10;

    /// <summary>
    /// How many learned revisions of a container are kept that no running container is of, so that going back to one is guarded at once; the
    /// longest unused are forgotten first. Default: 3.
    /// </summary>
    public int KeptRevisions { get; set; } = 3;
}
