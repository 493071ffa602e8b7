namespace KubeCop.Scanning.Clamd;

internal enum ClamdOutcome
{
    Clean,
    Found,

    /// <summary>Neither: nobody may take it for clean.</summary>
    NotScanned,
}

/// <param name="Signature">Name of the signature, of what was found: printable ASCII. Signatures of no signed database end in <c>.UNOFFICIAL</c>.</param>
/// <param name="Reason">Why it was not scanned, in words.</param>
internal readonly record struct ClamdVerdict(ClamdOutcome Outcome, string? Signature, string? Reason)
{
    public static ClamdVerdict Clean => new(ClamdOutcome.Clean, null, null);

    public static ClamdVerdict OverLimit => NotScanned("over the size limit");

    public static ClamdVerdict Found(string signature) => new(ClamdOutcome.Found, signature, null);

    public static ClamdVerdict NotScanned(string reason) => new(ClamdOutcome.NotScanned, null, reason);
}
