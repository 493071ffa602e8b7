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

    /// <summary>
    /// The most entries in one section (execs, opens, dns, …) of a container's profile. Where there are more files, patterns take the place of
    /// many; of anything else further ones are dropped and counted. Default: 10 000.
    /// </summary>
    public int MaxEntriesPerKind { get; set; } = 10_000;

    /// <summary>
    /// The most names in one directory that a profile lists which differ only in their numbers, or are random; of more it has one pattern
    /// (<see cref="OpenGeneralization"/>). 0 lists them all. Default: 10.
    /// </summary>
    public int MaxVariableNames { get; set; } = 10;

    /// <summary>
    /// The most bytes of a workload's profile as JSON, all its containers together. Of a larger one more files become patterns; what is shown and
    /// exported of it leaves out what was seen last, and says how much. Default: 900 KiB, which leaves room for the rest of an object of 1 MiB.
    /// </summary>
    public int MaxProfileBytes { get; set; } = 900 * 1024;

    /// <summary>
    /// Directories whose files are neither learned nor compared with a profile, but for sensitive ones (<see cref="SensitivePaths"/>). Default:
    /// none. KubeCop's <c>OPEN_IGNORE_PREFIXES</c>.
    /// </summary>
    public IList<string> IgnoredPrefixes { get; } = [];

    /// <summary>The same for what is mounted into a container: volumes, bind mounts. Default: false. KubeCop's <c>OPEN_IGNORE_MOUNTS</c>.</summary>
    public bool IgnoreMounts { get; set; }

    /// <summary>
    /// How many learned revisions of a container are kept that no running container is of, so that going back to one is guarded at once; the
    /// longest unused are forgotten first. Default: 3.
    /// </summary>
    public int KeptRevisions { get; set; } = 3;

    /// <summary>
    /// A workload none of whose containers was there for so many whole days in a row is forgotten: what was learned of it, and the object that shows
    /// it. A profile that people gave or changed is kept. 0s keeps everything. Default: 90 days.
    /// </summary>
    public TimeSpan ForgetAfter { get; set; } = TimeSpan.FromDays(90);
}
