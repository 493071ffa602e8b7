using KubeCop.Host.Configuration;

namespace KubeCop.Host.Tls;

/// <summary>One of <see cref="NodeCertificates"/>, and what is wrong with it.</summary>
/// <param name="part">Of the node, as <see cref="Node.Degradation"/> has it.</param>
/// <param name="peerName">The name that the certificate has to have, for silos; else empty.</param>
internal sealed class NodeCertificate(string part, CertificateFiles files, TimeProvider time, string peerName = "")
{
    /// <summary>How long before its end a certificate is complained of; a sixth of its life, if that is less: it is renewed after two thirds as a rule.</summary>
    private static readonly TimeSpan LongestNotice = TimeSpan.FromDays(7);

    /// <summary>After which time alone may have changed something.</summary>
    private static readonly TimeSpan JudgePeriod = TimeSpan.FromMinutes(1);

    private DateTimeOffset _judged = DateTimeOffset.MinValue;
    private volatile string? _fault;

    public string Part => part;

    public CertificateFiles Files => files;

    public string PeerName => peerName;

    /// <summary>All that is wrong, a sentence each, as of the last look; null when nothing is.</summary>
    public string? Fault => _fault;

    /// <inheritdoc cref="CertificateFiles.Look"/>
    public bool Look()
    {
        var before = files.Problem;
        var isNew = files.Look();
        var now = time.GetUtcNow();
        if (isNew || files.Problem != before || (now - _judged).Duration() >= JudgePeriod)
        {
            (_judged, _fault) = (now, FindFault(now));
        }

        return isNew;
    }

    private string? FindFault(DateTimeOffset now)
    {
        var current = files.Current;
        var notice = (current.Until - current.From) / 6 is var sixth && sixth < LongestNotice ? sixth : LongestNotice;
        string[] faults =
        [
            .. files.Problem is { } problem ? [$"The files of the certificate in {files.Name} have changed and cannot be used, those of before are: {problem}."] : Array.Empty<string>(),
            .. now > current.Until ? [$"The certificate in {files.Name} has expired on {PeerFaults.Time(current.Until)}; a new one in its place is used at once."]
                : now < current.From ? [$"The certificate in {files.Name} is valid from {PeerFaults.Time(current.From)} on; is a clock wrong?"]
                : now > current.Until - notice ? [$"The certificate in {files.Name} expires on {PeerFaults.Time(current.Until)}, in {Duration.Format(Rounded(current.Until - now))}."]
                : Array.Empty<string>(),
            .. peerName.Length == 0
                ? []
                : PeerFaults.JudgeOwn(current, peerName, now)
                    .Where(static fault => fault is not (PeerFault.Expired or PeerFault.NotYetValid))
                    .Select(fault => $"The certificate in {files.Name} {PeerFaults.Describe(fault, current.Certificate, peerName)}; other silos will refuse it."),
        ];
        return faults.Length == 0 ? null : string.Join(' ', faults);
    }

    // So that it is a new sentence, and logged, once a day and in the last day once an hour.
    private static TimeSpan Rounded(TimeSpan left) => left > TimeSpan.FromDays(1) ? TimeSpan.FromDays((int)left.TotalDays) : TimeSpan.FromHours(Math.Max(1, (int)left.TotalHours));
}
