using System.Text;
using KubeCop.Scanning.Clamd;
using KubeCop.Testing;
using KubeCop.Testing.Malware;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Tests.Scanning.Clamd;

public sealed class RealClamdTests(ClamdFixture fixture) : IClassFixture<ClamdFixture>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Scan_Files_AreWhatTheyAre(bool isLocal)
    {
        using var directory = new TestDirectory();
        await using var client = NewClient(fixture.Server, isLocal);

        await client.PingAsync(Cancellation);
        Assert.StartsWith("ClamAV ", (await client.VersionAsync(Cancellation)).Engine, StringComparison.Ordinal);
        Assert.Equal(ClamdVerdict.Found(TestMalware.EicarSignature), await ScanAsync(client, directory, TestMalware.Eicar));
        Assert.Equal(ClamdVerdict.Found(TestMalware.DropperSignature), await ScanAsync(client, directory, TestMalware.Dropper));
        Assert.Equal(ClamdVerdict.Found(TestMalware.HashSignature), await ScanAsync(client, directory, TestMalware.Hashed));
        Assert.Equal(ClamdVerdict.Clean, await ScanAsync(client, directory, "harmless"u8.ToArray()));
        Assert.Equal(ClamdVerdict.Clean, await ScanAsync(client, directory, []));

        // Longer than a chunk.
        Assert.Equal(ClamdVerdict.Found(TestMalware.DropperSignature), await ScanAsync(client, directory, [.. new byte[1 << 20], .. TestMalware.Dropper]));
        Assert.Equal(ClamdVerdict.Found(TestMalware.EicarSignature), await client.ScanStreamAsync(new MemoryStream(TestMalware.Eicar), Cancellation));
    }

    [Fact]
    public async Task ScanFile_WithAPosition_LeavesItAndScansAll()
    {
        using var directory = new TestDirectory();
        var path = directory.Combine("malware");
        await File.WriteAllBytesAsync(path, TestMalware.Eicar, Cancellation);
        await using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        stream.Seek(20, SeekOrigin.Begin);
        await using var client = NewClient(fixture.Server, isLocal: true);

        var verdict = await client.ScanFileAsync(stream.SafeFileHandle, stream.Length, Cancellation);

        Assert.Equal((ClamdVerdict.Found(TestMalware.EicarSignature), 20L), (verdict, stream.Position));
    }

    /// <summary>clamd says OK of these.</summary>
    [Fact]
    public async Task ScanFile_ThatClamdWouldNotLookAt_IsNotClean()
    {
        using var directory = new TestDirectory();
        await using var client = NewClient(fixture.Server, isLocal: true);
        var path = directory.Combine("large");
        await File.WriteAllBytesAsync(path, TestMalware.Eicar, Cancellation);
        using (var large = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite))
        {
            RandomAccess.SetLength(large, ClamdServer.MaxFileBytes + 1);

            // Also when it was shorter as it was looked at last.
            Assert.Equal(ClamdVerdict.OverLimit, await client.ScanFileAsync(large, 10, Cancellation));
        }

        using var writable = File.OpenHandle(path, FileMode.Open, FileAccess.Write);
        RandomAccess.SetLength(writable, 10);
        await Assert.ThrowsAsync<ArgumentException>(() => client.ScanFileAsync(writable, 10, Cancellation));
    }

    [Fact]
    public async Task ScanStream_LongerThanClamdTakes_IsNotScanned()
    {
        await using var local = new ClamdClient(Address(fixture.Server, isLocal: true), new ClamdOptions(), TimeProvider.System);
        await using var remote = new ClamdClient(Address(fixture.Server, isLocal: false), new ClamdOptions(), TimeProvider.System);
        foreach (var client in new[] { local, remote })
        {
            var verdict = await client.ScanStreamAsync(new MemoryStream(new byte[(2 * ClamdServer.MaxStreamBytes) + 1]), Cancellation);
            Assert.Equal(ClamdOutcome.NotScanned, verdict.Outcome);
            Assert.Equal(ClamdVerdict.Clean, await client.ScanStreamAsync(new MemoryStream(new byte[10]), Cancellation));
        }
    }

    [Fact]
    public async Task ScanFile_OverALimitThatClamdAlertsOn_IsNoFinding()
    {
        await using var server = await ClamdServer.StartNewAsync(alertsExceeded: true);
        using var directory = new TestDirectory();
        await using var client = new ClamdClient(Address(server, isLocal: true), new ClamdOptions(), TimeProvider.System);

        var verdict = await ScanAsync(client, directory, new byte[ClamdServer.MaxFileBytes + 1]);

        Assert.Equal(ClamdOutcome.NotScanned, verdict.Outcome);
        Assert.Contains("Heuristics.Limits.Exceeded", verdict.Reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ScanTree_HostileNames_AreNamedByteForByte(bool parallel)
    {
        using var directory = new Walking.Tree();
        byte[][] names = ["plain"u8.ToArray(), "a: b FOUND"u8.ToArray(), "x: OK"u8.ToArray(), "two\nlines"u8.ToArray(), [(byte)'i', 0xff, 0xfe]];
        foreach (var name in names)
        {
            // .NET writes no names that are not UTF-8.
            var escaped = string.Concat(name.Select(static value => $"\\{Convert.ToString(value, 8).PadLeft(3, '0')}"));
            await KubeCop.Testing.Commands.RunAsync(
                "sh", "-c", "printf %s \"$3\" | base64 -d >\"$1/$(printf \"$2\")\"", "sh", directory.Path, escaped, Convert.ToBase64String(TestMalware.Eicar));
        }

        await using var client = NewClient(fixture.Server, isLocal: true);
        var found = new List<string>();
        await foreach (var (path, verdict) in client.ScanTreeAsync(Encoding.UTF8.GetBytes(directory.Path), parallel, Cancellation))
        {
            Assert.Equal(ClamdVerdict.Found(TestMalware.EicarSignature), verdict);
            found.Add(Convert.ToHexString(path));
        }

        var expected = names.Select(name => Convert.ToHexString([.. Encoding.UTF8.GetBytes($"{directory.Path}/"), .. name]));
        Assert.Equal(expected.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task ScanTree_OfNothing_IsNotScanned()
    {
        await using var client = NewClient(fixture.Server, isLocal: true);

        var replies = await client.ScanTreeAsync("/no/such: place"u8.ToArray(), parallel: false, Cancellation).ToListAsync(Cancellation);

        var (path, verdict) = Assert.Single(replies);
        Assert.Equal(("/no/such: place", ClamdOutcome.NotScanned), (Encoding.UTF8.GetString(path), verdict.Outcome));
    }

    [Fact]
    public async Task Clamd_KilledStuckAndBack_IsToldApartAndUsedAgain()
    {
        await using var server = await ClamdServer.StartNewAsync();
        using var directory = new TestDirectory();
        await using var client = new ClamdClient(
            Address(server, isLocal: true), new ClamdOptions { AnswerTimeout = TimeSpan.FromSeconds(2), ReplyTimeout = TimeSpan.FromSeconds(2) }, TimeProvider.System);
        Assert.Equal(ClamdVerdict.Clean, await ScanAsync(client, directory, "harmless"u8.ToArray()));

        await server.FreezeAsync();
        Assert.Equal(ClamdState.Wedged, (await Assert.ThrowsAsync<ClamdUnavailableException>(() => ScanAsync(client, directory, TestMalware.Eicar))).State);
        Assert.Equal(ClamdState.Wedged, (await Assert.ThrowsAsync<ClamdUnavailableException>(() => client.PingAsync(Cancellation))).State);
        await server.ThawAsync();
        Assert.Equal(ClamdVerdict.Found(TestMalware.EicarSignature), await ScanAsync(client, directory, TestMalware.Eicar));

        await server.KillAsync();
        Assert.Equal(ClamdState.Missing, (await Assert.ThrowsAsync<ClamdUnavailableException>(() => ScanAsync(client, directory, TestMalware.Eicar))).State);
        await server.StartAsync();
        Assert.Equal(ClamdVerdict.Found(TestMalware.EicarSignature), await ScanAsync(client, directory, TestMalware.Eicar));
    }

    [Fact]
    public async Task Reload_OfNewSignatures_FindsThem()
    {
        await using var server = await ClamdServer.StartNewAsync();
        using var directory = new TestDirectory();
        await using var client = new ClamdClient(Address(server, isLocal: true), new ClamdOptions(), TimeProvider.System);
        Assert.Equal(ClamdVerdict.Clean, await ScanAsync(client, directory, "brand-new-malware"u8.ToArray()));

        await server.WriteSignaturesAsync(("KubeCop.Test.New", "brand-new-malware"));
        await client.ReloadAsync(Cancellation);

        await Wait.UntilAsync(
            () => ScanAsync(client, directory, "brand-new-malware"u8.ToArray()), static verdict => verdict == ClamdVerdict.Found("KubeCop.Test.New.UNOFFICIAL"), "new signature in force");
    }

    private static ClamdClient NewClient(ClamdServer server, bool isLocal) =>
        new(Address(server, isLocal), new ClamdOptions { MaxStreamBytes = ClamdServer.MaxStreamBytes, MaxFileBytes = ClamdServer.MaxFileBytes }, TimeProvider.System);

    private static ClamdAddress Address(ClamdServer server, bool isLocal) =>
        ClamdAddress.TryParse(isLocal ? server.UnixAddress : server.TcpAddress, out var address, out var mistake) ? address : throw new InvalidOperationException(mistake);

    private static async Task<ClamdVerdict> ScanAsync(ClamdClient client, TestDirectory directory, byte[] content)
    {
        var path = directory.Combine("scanned");
        await File.WriteAllBytesAsync(path, content, Cancellation);
        using SafeFileHandle file = File.OpenHandle(path);
        return await client.ScanFileAsync(file, content.Length, Cancellation);
    }
}
