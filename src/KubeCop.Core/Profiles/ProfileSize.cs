namespace KubeCop.Core.Profiles;

/// <summary>
/// How large a container's profile is as a part of an <c>ApplicationProfile</c>: an object of the Kubernetes API is stored as JSON, and etcd takes
/// requests of 1.5 MiB at most by default (etcd's <c>--max-request-bytes</c>), less in what many clusters allow.
/// </summary>
public static class ProfileSize
{
    /// <returns>Bytes, rather too many than too few.</returns>
    public static int Of(ContainerProfile profile) =>
        400 + Text(profile.Name)
        + profile.Execs.Sum(Of) + profile.Opens.Sum(Of) + profile.Dns.Sum(Of) + profile.Incoming.Sum(Of) + profile.Outgoing.Sum(Of)
        + profile.Syscalls.Sum(static entry => 1 + Text(entry.Name))
        + profile.Capabilities.Sum(static entry => 32 + Text(entry.Syscall) + Texts(entry.Caps));

    /// <summary>
    /// Makes a profile fit: its files are collapsed harder, and if that is not enough, its largest section loses what was seen last. The same
    /// entries stay whatever the order in which they came.
    /// </summary>
    /// <param name="profile">With each file by itself.</param>
    /// <param name="threshold">See <see cref="LearningOptions.MaxVariableNames"/>.</param>
    /// <param name="bytes">The most it may have.</param>
    public static ContainerProfile Fit(ContainerProfile profile, int threshold, int bytes) => Truncate(Collapse(profile, threshold, bytes), bytes);

    /// <summary>Only the first of it: nothing is left out.</summary>
    /// <inheritdoc cref="Fit"/>
    public static ContainerProfile Collapse(ContainerProfile profile, int threshold, int bytes)
    {
        for (var step = 0; ; step++)
        {
            var collapsed = profile with { Opens = OpenGeneralization.Collapse(profile.Opens, threshold, step) };
            if (step == OpenGeneralization.LastStep || Of(collapsed) <= bytes)
            {
                return collapsed;
            }
        }
    }

    /// <summary>How many bytes each of several profiles may have, if together they may have so many: the small ones keep theirs.</summary>
    public static int Share(IEnumerable<int> sizes, int bytes)
    {
        var (left, count) = (bytes, 0);
        var ordered = sizes.Order().ToList();
        foreach (var size in ordered)
        {
            if (size > left / (ordered.Count - count))
            {
                return left / (ordered.Count - count);
            }

            left -= size;
            count++;
        }

        return bytes;
    }

    private static ContainerProfile Truncate(ContainerProfile profile, int bytes)
    {
        while (Of(profile) - bytes is var excess && excess > 0)
        {
            var execs = profile.Execs.Sum(Of);
            var opens = profile.Opens.Sum(Of);
            var dns = profile.Dns.Sum(Of);
            var outgoing = profile.Outgoing.Sum(Of);
            var largest = Math.Max(Math.Max(execs, opens), Math.Max(dns, outgoing));
            if (largest == 0)
            {
                break;
            }

            var before = Entries(profile);
            profile = largest == opens ? profile with { Opens = Earliest(profile.Opens, opens - excess, Of, static entry => entry.FirstSeen) }
                : largest == execs ? profile with { Execs = Earliest(profile.Execs, execs - excess, Of, static entry => entry.FirstSeen) }
                : largest == dns ? profile with { Dns = Earliest(profile.Dns, dns - excess, Of, static entry => entry.FirstSeen) }
                : profile with { Outgoing = Earliest(profile.Outgoing, outgoing - excess, Of, static entry => entry.FirstSeen) };
            profile = profile with { Truncated = profile.Truncated + before - Entries(profile) };
        }

        return profile;
    }

    // Those that were seen first, as far as there is room, in the order they had.
    private static T[] Earliest<T>(IReadOnlyList<T> entries, int bytes, Func<T, int> sizeOf, Func<T, DateTimeOffset> firstSeen)
    {
        var kept = new HashSet<int>();
        foreach (var (index, entry) in entries.Index().OrderBy(one => firstSeen(one.Item)))
        {
            bytes -= sizeOf(entry);
            if (bytes < 0)
            {
                break;
            }

            kept.Add(index);
        }

        return [.. entries.Where((_, index) => kept.Contains(index))];
    }

    private static int Entries(ContainerProfile profile) => profile.Execs.Count + profile.Opens.Count + profile.Dns.Count + profile.Outgoing.Count;

    private static int Of(ExecEntry entry) => 24 + Text(entry.Path) + Texts(entry.Args);

    private static int Of(OpenEntry entry) => 25 + Text(entry.Path) + Texts(entry.Flags);

    private static int Of(DnsEntry entry) => 32 + Text(entry.DnsName) + Texts(entry.Addresses);

    private static int Of(NetworkEntry entry) => 45 + Text(entry.Protocol) + Text(entry.DstEndpoint);

    private static int Texts(IReadOnlyList<string> texts)
    {
        var size = 0;
        foreach (var text in texts)
        {
            size += 1 + Text(text);
        }

        return size;
    }

    // Go writes these as \u003c, and a byte that is no text as three.
    private static int Text(string text)
    {
        var size = 2;
        foreach (var character in text)
        {
            size += char.IsAsciiLetterOrDigit(character) || character is '/' or '.' or '-' or '_' or ' ' ? 1 : 6;
        }

        return size;
    }
}
