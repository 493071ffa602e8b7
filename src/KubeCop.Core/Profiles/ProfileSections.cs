using KubeCop.Core.Events;

namespace KubeCop.Core.Profiles;

/// <summary>The sections of a profile, one for each kind of behaviour. The numbers are stored.</summary>
[Flags]
public enum ProfileSections
{
    None = 0,
    Execs = 1 << 0,
    Opens = 1 << 1,
    Syscalls = 1 << 2,
    Capabilities = 1 << 3,
    Dns = 1 << 4,
    NetworkActivity = 1 << 5,

    /// <summary>Every section that is learned today.</summary>
    All = Execs | Opens | Syscalls | Capabilities | Dns | NetworkActivity,
}

/// <summary>Which section knows which events, and what they are called.</summary>
public static class ProfileSection
{
    private static readonly (ProfileSections Section, string Name)[] Named =
    [
        (ProfileSections.Execs, "execs"),
        (ProfileSections.Opens, "opens"),
        (ProfileSections.Syscalls, "syscalls"),
        (ProfileSections.Capabilities, "capabilities"),
        (ProfileSections.Dns, "dns"),
        (ProfileSections.NetworkActivity, "networkActivity"),
    ];

    /// <summary>The section of a kind of event; none for kinds that are not learned.</summary>
    public static ProfileSections Of(EventKind kind) => kind switch
    {
        EventKind.Exec => ProfileSections.Execs,
        EventKind.Open => ProfileSections.Opens,
        EventKind.Syscall => ProfileSections.Syscalls,
        EventKind.Capability => ProfileSections.Capabilities,
        EventKind.Dns => ProfileSections.Dns,
        EventKind.Network => ProfileSections.NetworkActivity,
        _ => ProfileSections.None,
    };

    /// <summary>The sections' names as in an ApplicationProfile, in its order.</summary>
    public static IReadOnlyList<string> Names(ProfileSections sections) =>
        [.. Named.Where(named => (sections & named.Section) != 0).Select(static named => named.Name)];
}
