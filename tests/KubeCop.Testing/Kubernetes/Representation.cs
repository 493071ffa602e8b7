namespace KubeCop.Testing.Kubernetes;

/// <summary>How a client wants to see objects (Kubernetes documentation, "Alternate representations of resources").</summary>
/// <param name="As">Empty for the objects themselves; or Table, PartialObjectMetadata, PartialObjectMetadataList.</param>
internal sealed record Representation(string As)
{
    public static Representation Plain { get; } = new("");

    public bool IsTable => As == "Table";

    public bool IsPartial => As.StartsWith("PartialObjectMetadata", StringComparison.Ordinal);

    /// <summary>The first of the accepted media types that the server has: JSON always.</summary>
    /// <exception cref="ApiStatusException">It has none of them.</exception>
    public static Representation Parse(string accept)
    {
        if (accept.Length == 0)
        {
            return Plain;
        }

        foreach (var clause in accept.Split(',', StringSplitOptions.TrimEntries))
        {
            var parts = clause.Split(';', StringSplitOptions.TrimEntries);
            if (parts[0] is not ("application/json" or "application/*" or "*/*"))
            {
                continue;
            }

            var asked = parts.FirstOrDefault(static part => part.StartsWith("as=", StringComparison.Ordinal))?[3..] ?? "";
            if (asked is "" or "Table" or "PartialObjectMetadata" or "PartialObjectMetadataList")
            {
                return new Representation(asked);
            }
        }

        throw ApiStatusException.NotAcceptable();
    }
}
