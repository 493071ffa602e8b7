using KubeCop.Host.Tls;
using KubeCop.Testing;
using KubeCop.Testing.Tls;

namespace KubeCop.Tests.Host.Tls;

public sealed class CertificateFilesTests : IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly TestAuthority _authority = new();
    private readonly PemFiles _pem;
    private readonly CertificateFiles _files;

    public CertificateFilesTests()
    {
        _pem = new PemFiles(_directory.Path, _authority.Issue(), _authority.Pem);
        _files = Open();
    }

    public void Dispose()
    {
        _authority.Dispose();
        _directory.Dispose();
    }

    private string InUse => _files.Current.Certificate.ExportCertificatePem() + "\n";

    [Fact]
    public void Look_SecondCertificateCutOff_KeepsTheLastGoodOnes()
    {
        using var other = new TestAuthority("another");
        _pem.Write(_authority.Issue(), _authority.Pem + other.Pem[..(other.Pem.Length / 2)]);
        _files.Look();
        _files.Look();

        Assert.Contains("is cut off", _files.Problem, StringComparison.Ordinal);
        Assert.Single(_files.Current.Authorities);
    }

    [Fact]
    public void Look_FilesReplaced_TakesThemWhenTheyStayTheSame()
    {
        Assert.False(_files.Look(), "nothing has changed");
        var renewed = _authority.Issue();
        _pem.Write(renewed, _authority.Pem + _authority.Pem);

        Assert.False(_files.Look(), "it may still be being written");
        Assert.True(_files.Look(), "it has stayed the same");
        Assert.Equal(renewed.Certificate, InUse);
        Assert.Equal(2, _files.Current.Authorities.Count);
        Assert.False(_files.Look(), "it is in use");
    }

    [Fact]
    public void Look_LinkExchangedAsTheKubeletDoes_TakesWhatItPointsTo()
    {
        var mounted = Directory.CreateDirectory(_directory.Combine("mounted")).FullName;
        Directory.CreateSymbolicLink($"{mounted}/..data", _directory.Path);
        foreach (var name in (string[])["tls.crt", "tls.key", "ca.crt"])
        {
            File.CreateSymbolicLink($"{mounted}/{name}", $"..data/{name}");
        }

        var files = new CertificateFiles($"{mounted}/tls.crt", $"{mounted}/tls.key", $"{mounted}/ca.crt");
        var renewed = new PemFiles(_directory.Combine("renewed"), _authority.Issue(), _authority.Pem);
        Directory.CreateSymbolicLink($"{mounted}/..data_tmp", _directory.Combine("renewed"));
        Directory.Delete($"{mounted}/..data");
        Directory.Move($"{mounted}/..data_tmp", $"{mounted}/..data");

        files.Look();
        Assert.True(files.Look(), "the link leads elsewhere");
        Assert.Equal(File.ReadAllText(renewed.Certificate), files.Current.Certificate.ExportCertificatePem() + "\n");
    }

    [Fact]
    public void Look_CertificateWithoutItsKey_LeavesTheLastPairUntilTheKeyComes()
    {
        var (before, renewed) = (InUse, _authority.Issue());
        File.WriteAllText(_pem.Certificate, renewed.Certificate);
        LookTwice();

        Assert.Equal(before, InUse);
        Assert.Equal($"the key in {_pem.Key} is not the one of the certificate in {_pem.Certificate}", _files.Problem);

        File.WriteAllText(_pem.Key, renewed.Key);
        LookTwice();

        Assert.Equal(renewed.Certificate, InUse);
        Assert.Null(_files.Problem);
    }

    [Fact]
    public void Look_FileGoneAndBack_LeavesTheLastPair()
    {
        var (before, key) = (InUse, File.ReadAllText(_pem.Key));
        File.Delete(_pem.Key);
        LookTwice();
        Assert.Equal(before, InUse);
        Assert.Contains(_pem.Key, _files.Problem, StringComparison.Ordinal);

        File.WriteAllText(_pem.Key, key);
        Assert.False(_files.Look(), "it is the pair in use");
        Assert.Null(_files.Problem);
    }

    [Fact]
    public void Look_CertificateCutInTheMiddle_LeavesTheLastPair()
    {
        var before = InUse;
        File.WriteAllText(_pem.Certificate, before[..(before.Length / 2)]);
        LookTwice();

        Assert.Equal(before, InUse);
        Assert.Equal($"there is no certificate in PEM form in {_pem.Certificate}", _files.Problem);
    }

    [Theory]
    [InlineData("tls.crt", null, "tls.crt cannot be read")]
    [InlineData("tls.crt", "nothing", "there is no certificate in PEM form in")]
    [InlineData("tls.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read")]
    [InlineData("tls.key", "nothing", "there is no key in PEM form in")]
    [InlineData("tls.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", "is encrypted")]
    [InlineData("ca.crt", "", "there is no certificate in PEM form in")]
    public void Open_FileThatCannotBeUsed_IsRefusedByItsName(string file, string? content, string reason)
    {
        if (content is null)
        {
            File.Delete(_directory.Combine(file));
        }
        else
        {
            File.WriteAllText(_directory.Combine(file), content);
        }

        var error = Assert.Throws<CertificateException>(Open).Message;
        Assert.Contains(_directory.Combine(file), error, StringComparison.Ordinal);
        Assert.Contains(reason, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_FileWithoutAnEnd_IsRefusedAndNotReadToTheEnd()
    {
        File.Delete(_pem.Authorities);
        File.CreateSymbolicLink(_pem.Authorities, "/dev/zero");

        Assert.Contains("is larger than", Assert.Throws<CertificateException>(Open).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Open_Fifo_IsRefusedAndNotWaitedFor()
    {
        File.Delete(_pem.Authorities);
        await KubeCop.Testing.Commands.RunAsync("mkfifo", _pem.Authorities);

        var error = await Task.Run(() => Assert.Throws<CertificateException>(Open)).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Contains("it is no plain file", error.Message, StringComparison.Ordinal);
    }

    private CertificateFiles Open() => new(_pem.Certificate, _pem.Key, _pem.Authorities);

    private void LookTwice()
    {
        _files.Look();
        _files.Look();
    }
}
