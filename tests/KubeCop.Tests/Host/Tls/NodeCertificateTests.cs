using KubeCop.Host.Tls;
using KubeCop.Testing;
using KubeCop.Testing.Tls;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Host.Tls;

/// <summary>What a node says of its own certificate, and of what others show.</summary>
public sealed class NodeCertificateTests : IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly TestAuthority _authority = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    public void Dispose()
    {
        _authority.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Look_CertificateNearsItsEnd_SaysSoAWeekBeforeAndThatItHasExpired()
    {
        var certificate = Open(_authority.Issue());
        certificate.Look();
        Assert.Null(certificate.Fault);

        _time.Advance(TimeSpan.FromDays(84));
        certificate.Look();
        Assert.Contains(", in 5d.", certificate.Fault, StringComparison.Ordinal);

        _time.Advance(TimeSpan.FromDays(7));
        certificate.Look();
        Assert.Contains("has expired on", certificate.Fault, StringComparison.Ordinal);
    }

    /// <summary>Certificates for a day are renewed every 16 hours: a week's notice would be for ever.</summary>
    [Fact]
    public void Look_CertificateThatLivesShort_SaysSoInTheLastSixthOfItsLife()
    {
        var certificate = Open(_authority.Issue(from: _time.GetUtcNow(), until: _time.GetUtcNow().AddHours(24)));
        _time.Advance(TimeSpan.FromHours(17));
        certificate.Look();
        Assert.Null(certificate.Fault);

        _time.Advance(TimeSpan.FromHours(4.5));
        certificate.Look();
        Assert.Contains(", in 2h.", certificate.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Look_SeveralThingsAreWrong_SaysAllOfThem()
    {
        var certificate = Open(_authority.Issue("kubecop-http", _time.GetUtcNow().AddDays(-30), _time.GetUtcNow().AddHours(3.5), TestAuthority.ServerUsage));
        certificate.Look();

        Assert.Contains(", in 3h.", certificate.Fault, StringComparison.Ordinal);
        Assert.Contains("is not one of a silo", certificate.Fault, StringComparison.Ordinal);
        Assert.Contains("is not for servers and clients both", certificate.Fault, StringComparison.Ordinal);

        _time.Advance(TimeSpan.FromHours(4));
        certificate.Look();
        Assert.Contains("has expired on", certificate.Fault, StringComparison.Ordinal);
        Assert.Contains("is not one of a silo", certificate.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Look_ChangedFilesCannotBeUsed_SaysThatThoseOfBeforeAre()
    {
        var certificate = Open(_authority.Issue());
        certificate.Look();
        File.WriteAllText(certificate.Files.Name, "nothing");
        certificate.Look();
        Assert.Null(certificate.Fault);

        certificate.Look();
        Assert.Contains("cannot be used, those of before are: there is no certificate in PEM form", certificate.Fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(nameof(PeerFault.None))]
    [InlineData(nameof(PeerFault.UnknownAuthority))]
    [InlineData(nameof(PeerFault.WrongName))]
    [InlineData(nameof(PeerFault.WrongUsage))]
    [InlineData(nameof(PeerFault.Expired))]
    [InlineData(nameof(PeerFault.NotYetValid))]
    public void Judge_EachFault_IsFound(string fault)
    {
        using var other = new TestAuthority("others");
        var pair = fault switch
        {
            nameof(PeerFault.UnknownAuthority) => other.Issue(),
            nameof(PeerFault.WrongName) => _authority.Issue("kubecop-http"),
            nameof(PeerFault.WrongUsage) => _authority.Issue(usages: TestAuthority.ServerUsage),
            nameof(PeerFault.Expired) => _authority.Issue(from: _time.GetUtcNow().AddDays(-3), until: _time.GetUtcNow().AddDays(-1)),
            nameof(PeerFault.NotYetValid) => _authority.Issue(from: _time.GetUtcNow().AddDays(1)),
            _ => _authority.Issue(),
        };

        Assert.Equal(fault, $"{Judge(pair)}");
    }

    /// <summary>The wildcard and the common name are not the name of a silo.</summary>
    [Fact]
    public void Judge_WildcardThatWouldMatch_IsNotTheName() =>
        Assert.Equal(PeerFault.WrongName, Judge(_authority.Issue("*.kubecop.svc"), "silo.kubecop.svc"));

    [Fact]
    public void Judge_AuthorityBelowTheRoot_IsGoodWhenItComesAlong()
    {
        using var below = _authority.Below("below");
        var leaf = below.Issue();

        Assert.Equal(PeerFault.None, Judge(leaf with { Certificate = leaf.Certificate + below.Pem }));
        Assert.Equal(PeerFault.UnknownAuthority, Judge(leaf));
    }

    [Fact]
    public void Judge_AuthorityExpiredBeforeWhatItSigned_IsFound()
    {
        using var below = _authority.Below("below");
        _time.Advance(TimeSpan.FromDays(365 * 9.5));
        var leaf = below.Issue(until: _time.GetUtcNow().AddDays(30));

        Assert.Equal(PeerFault.AuthorityExpired, Judge(leaf with { Certificate = leaf.Certificate + below.Pem }));
    }

    /// <summary>The first fault, or none.</summary>
    private PeerFault Judge(PemPair pair, string name = TestAuthority.SiloName) => PeerFaults.JudgeOwn(Open(pair).Files.Current, name, _time.GetUtcNow()).FirstOrDefault();

    private NodeCertificate Open(PemPair pair)
    {
        var files = new PemFiles(_directory.Combine(Guid.NewGuid().ToString("N")), pair, _authority.Pem);
        return new NodeCertificate("cluster", new CertificateFiles(files.Certificate, files.Key, files.Authorities), _time, TestAuthority.SiloName);
    }
}
