namespace KubeCop.Sensor.Containers;

/// <summary>References to images: <c>repository:tag</c>, <c>repository@sha256:…</c>, or an image's id.</summary>
internal static class ImageReference
{
    private const string Sha256 = "sha256:";

    /// <returns>The digest a reference names; empty when it names none.</returns>
    public static string DigestIn(string reference) =>
        reference.LastIndexOf('@') is var at and >= 0 && IsId(reference[(at + 1)..]) ? reference[(at + 1)..] : "";

    /// <summary>Whether it is an image's id and no name, as newer kubelets hand to runtimes.</summary>
    public static bool IsId(string reference) => reference.StartsWith(Sha256, StringComparison.Ordinal);

    /// <summary>
    /// The digest of a container's image among those the image is known by: of the container's own repository before others, the first in
    /// alphabet, so that the order in which a runtime lists them is no difference.
    /// </summary>
    /// <param name="reference">The container's image; may be empty.</param>
    /// <param name="known">References, those without a digest among them.</param>
    /// <param name="id">The image's id: of one that was built or loaded here nothing else is known.</param>
    public static string Digest(string reference, IReadOnlyList<string> known, string id)
    {
        var repository = Repository(reference);
        return known.Where(static other => DigestIn(other).Length > 0)
            .OrderByDescending(other => repository.Length > 0 && Repository(other) == repository)
            .ThenBy(static other => other, StringComparer.Ordinal)
            .Select(DigestIn)
            .FirstOrDefault(id.StartsWith(Sha256, StringComparison.Ordinal) ? id : "");
    }

    private static string Repository(string reference)
    {
        var name = reference.IndexOf('@') is var at and >= 0 ? reference[..at] : reference;
        return name.LastIndexOf(':') is var colon && colon > name.LastIndexOf('/') ? name[..colon] : name;
    }
}
