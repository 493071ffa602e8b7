using System.Text;
using KubeCop.Scanning.Scans;

namespace KubeCop.Tests.Scanning.Scans;

public sealed class PathTextTests
{
    [Fact]
    public void Of_PathLongerThanAnySystemCallTakes_IsItsEnd()
    {
        var path = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("/directory", 1000)) + "/evil");

        var text = PathText.Of(path);

        Assert.Equal("(truncated)".Length + PathText.MaxBytes, text.Length);
        Assert.StartsWith("(truncated)", text, StringComparison.Ordinal);
        Assert.EndsWith("/directory/evil", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_LongestPathThereIs_IsWhole() =>
        Assert.Equal(new string('a', PathText.MaxBytes), PathText.Of(Encoding.ASCII.GetBytes(new string('a', PathText.MaxBytes))));
}
