using System.Text;
using CsCheck;
using KubeCop.Scanning.Clamd;

namespace KubeCop.Tests.Scanning.Clamd;

public sealed class ClamdReplyTests
{
    private static readonly string[] Ends = [" FOUND", " ERROR", ": OK", ""];

    [Theory]
    [InlineData("stream: OK", "stream", "Clean", null, null)]
    [InlineData("fd[12]: Eicar-Test-Signature FOUND", "fd[12]", "Found", "Eicar-Test-Signature", null)]
    [InlineData("/a: b FOUND: X.Y FOUND", "/a: b FOUND", "Found", "X.Y", null)]
    [InlineData("/a: OK: X.Y FOUND", "/a: OK", "Found", "X.Y", null)]
    [InlineData("/new\nline: OK", "/new\nline", "Clean", null, null)]
    [InlineData("/a: X.Y(44d88612fea8a8f36de82e1278abb02f:68) FOUND", "/a", "Found", "X.Y", null)]
    [InlineData("/a: X.Y(68) FOUND", "/a", "Found", "X.Y(68)", null)]
    [InlineData("/a: X\u001b[2J FOUND", "/a", "Found", "X?[2J", null)]
    [InlineData("/a: Heuristics.Limits.Exceeded.MaxFileSize FOUND", "/a", "NotScanned", null, "over a limit of clamd: Heuristics.Limits.Exceeded.MaxFileSize")]
    [InlineData("INSTREAM size limit exceeded. ERROR", "", "NotScanned", null, "over the size limit")]
    [InlineData("fd[12]: Not a regular file ERROR", "fd[12]", "NotScanned", null, "clamd: Not a regular file")]
    [InlineData("/a: b: Access denied. ERROR", "/a: b", "NotScanned", null, "clamd: Access denied")]
    [InlineData(
        "/a: b: File path check failure: No such file or directory. ERROR", "/a: b", "NotScanned", null, "clamd: File path check failure: No such file or directory")]
    public void TryParse_RepliesOfClamd_SayWhatOfWhich(string reply, string path, string outcome, string? signature, string? reason)
    {
        Assert.True(ClamdReply.TryParse(Encoding.Latin1.GetBytes(reply), out var read, out var verdict));
        Assert.Equal(path, Encoding.Latin1.GetString(read));
        Assert.Equal(new ClamdVerdict(Enum.Parse<ClamdOutcome>(outcome), signature, reason), verdict);
    }

    [Theory]
    [InlineData("")]
    [InlineData("OK")]
    [InlineData("X FOUND")]
    [InlineData("PONG")]
    [InlineData("UNKNOWN COMMAND")]
    [InlineData("/a: OK ")]
    public void TryParse_AnythingElse_IsNoVerdict(string reply) => Assert.False(ClamdReply.TryParse(Encoding.ASCII.GetBytes(reply), out _, out _));

    [Fact]
    public void TryParse_AnyPathWithAFinding_GivesThatPath() => Gen.Byte[1, 255].Array[0, 300].Sample(static path =>
        ClamdReply.TryParse([.. path, .. ": KubeCop.Test FOUND"u8], out var read, out var verdict)
            && read.SequenceEqual(path) && verdict == ClamdVerdict.Found("KubeCop.Test"));

    [Fact]
    public void TryParse_AnyBytes_GivesPrintableText() => Gen.Select(Gen.Byte.Array[0, 600], Gen.Int[0, Ends.Length - 1]).Sample(static (bytes, end) =>
        !ClamdReply.TryParse([.. bytes, .. Encoding.ASCII.GetBytes(Ends[end])], out _, out var verdict)
            || $"{verdict.Signature}{verdict.Reason}" is { Length: < 300 } text && text.All(static character => character is >= ' ' and < '\x7f'));

    [Theory]
    [InlineData("1: stream: OK", true)]
    [InlineData("2: stream: OK", false)]
    [InlineData("-1: stream: OK", false)]
    [InlineData(" 1: stream: OK", false)]
    [InlineData("4294967297: stream: OK", false)]
    [InlineData("stream: OK", false)]
    [InlineData("", false)]
    public void TryTakeNumber_OnlyTheExpected_IsTaken(string reply, bool isTaken) => Assert.Equal(isTaken, ClamdReply.TryTakeNumber(Encoding.ASCII.GetBytes(reply), 1, out _));

    [Fact]
    public void ParseVersion_OfClamd_GivesDatabaseAndTime()
    {
        Assert.Equal(new ClamdVersion("ClamAV 1.4.6", 27450, new DateTimeOffset(2026, 11, 2, 8, 12, 33, TimeSpan.Zero)), ClamdVersion.Parse("ClamAV 1.4.6/27450/Mon Nov  2 08:12:33 2026"));
        Assert.Equal(new ClamdVersion("ClamAV 1.4.6", null, null), ClamdVersion.Parse("ClamAV 1.4.6"));
        Assert.Equal(new ClamdVersion("ClamAV 1.4.6", 7, null), ClamdVersion.Parse("ClamAV 1.4.6/7/long ago"));
        Assert.Null(ClamdVersion.Parse("HTTP/1.1 400 Bad Request"));
    }
}
