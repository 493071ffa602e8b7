using KubeCop.Host.Configuration;
using KubeCop.Host.Node;
using KubeCop.Host.Tls;
using KubeCop.Testing;
using KubeCop.Testing.Tls;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Host.Tls;

/// <summary>The looking at certificates goes on whatever goes wrong.</summary>
public sealed class CertificateWatchTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly TestAuthority _authority = new("http");
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly BreakableClock _clock = new();
    private readonly List<string> _log = [];
    private PemFiles _files = null!;
    private CertificateWatch _watch = null!;

    private string Published => NodeFiles.HttpCertificateFile(_directory.Path);

    public ValueTask InitializeAsync()
    {
        _files = new PemFiles(_directory.Combine("tls"), _authority.Issue(), _authority.Pem);
        var settings = Settings.Load(
            [new(Keys.DataDirectory, _directory.Path), new("KubeCop:Http:CertificateFile", _files.Certificate), new("KubeCop:Http:KeyFile", _files.Key)],
            new Dictionary<string, string>(),
            "/there/is/no/file");
        _watch = new CertificateWatch(
            NodeCertificates.Load(settings, _clock),
            new PeerConnections(_time, new WarningLog<PeerConnections>([])),
            Options.Create(settings.Cluster),
            Options.Create(settings.Node),
            _time,
            new WarningLog<CertificateWatch>(_log));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _watch.StopAsync(CancellationToken.None);
        _watch.Dispose();
        _authority.Dispose();
        _directory.Dispose();
    }

    /// <summary>As on a disk that is full for a while.</summary>
    [Fact]
    public async Task Publish_CannotBeWrittenAtFirst_IsTriedAgain()
    {
        var obstacle = Directory.CreateDirectory(Published + ".new").FullName;
        await _watch.StartAsync(TestContext.Current.CancellationToken);
        Assert.False(File.Exists(Published), "It could be written.");
        for (var look = 0; look < 5; look++)
        {
            _time.Advance(CertificateWatch.Period);
        }

        Directory.Delete(obstacle);
        await UntilPublishedAsync(File.ReadAllText(_files.Certificate));
        Assert.Contains("verbs that talk to this silo need --cacert", Assert.Single(_log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Look_FailsAsNobodyExpected_KeepsTheCertificateAndLooksAgain()
    {
        var before = File.ReadAllText(_files.Certificate);
        await _watch.StartAsync(TestContext.Current.CancellationToken);
        Assert.Equal(before, File.ReadAllText(Published));
        _clock.IsBroken = true;
        await UntilAsync(() => _log.Count > 0, "warning");
        Assert.Equal($"The certificate in {_files.Certificate} could not be looked at; it is used as it was.", Assert.Single(_log));

        _clock.IsBroken = false;
        var renewed = _authority.Issue();
        _files.Write(renewed, _authority.Pem);
        await UntilPublishedAsync(renewed.Certificate);
    }

    private Task UntilPublishedAsync(string certificate) => UntilAsync(() => File.Exists(Published) && File.ReadAllText(Published) == certificate, "certificate for the verbs");

    private Task UntilAsync(Func<bool> look, string what) => Wait.UntilAsync(
        () =>
        {
            _time.Advance(CertificateWatch.Period);
            return look();
        },
        static seen => seen,
        what);

    private sealed class BreakableClock : TimeProvider
    {
        public bool IsBroken { get; set; }

        public override DateTimeOffset GetUtcNow() => IsBroken ? throw new InvalidOperationException("The clock is broken.") : base.GetUtcNow();
    }
}
