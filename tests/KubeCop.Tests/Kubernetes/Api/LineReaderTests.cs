using System.Text;
using KubeCop.Kubernetes.Api;

namespace KubeCop.Tests.Kubernetes.Api;

public sealed class LineReaderTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public async Task Lines_AreRead_InWhateverPiecesTheyCome(int piece)
    {
        string[] expected = ["a", new string('b', 40_000), "c", new string('d', 100_000), "e"];
        using var reader = new LineReader(new Pieces(string.Join("\n\n", expected) + "\n", piece), 200_000);

        foreach (var line in expected)
        {
            Assert.Equal(line, Encoding.ASCII.GetString((await reader.ReadAsync(Token)).Span));
        }

        Assert.True((await reader.ReadAsync(Token)).IsEmpty, "the end of the stream");
    }

    [Fact]
    public async Task Line_OfTheLargestObjectThereCanBe_IsRead()
    {
        // 1.5 MiB in etcd, each byte escaped by six characters.
        var line = new string('x', 6 * 1_572_864);
        using var reader = new LineReader(new Pieces(line + "\n", 16 * 1024), 16 * 1024 * 1024);

        Assert.Equal(line.Length, (await reader.ReadAsync(Token)).Length);
    }

    [Fact]
    public async Task Line_WithoutAnEnd_IsGivenUp()
    {
        var pieces = new Pieces(new string('x', 1_000_000), 1000);
        using var reader = new LineReader(pieces, 64 * 1024);

        await Assert.ThrowsAsync<InvalidDataException>(async () => await reader.ReadAsync(Token));
        Assert.InRange(pieces.Position, 64 * 1024, 256 * 1024);
    }

    [Fact]
    public async Task Line_ThatIsNotWhole_IsNone()
    {
        using var reader = new LineReader(new Pieces("a\nb", 2), 100);

        Assert.Equal("a"u8.ToArray(), (await reader.ReadAsync(Token)).ToArray());
        Assert.True((await reader.ReadAsync(Token)).IsEmpty, "the connection broke in the middle of a line");
    }

    /// <summary>Gives at most so many bytes at a time.</summary>
    private sealed class Pieces(string text, int piece) : MemoryStream(Encoding.ASCII.GetBytes(text))
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(piece, buffer.Length)], cancellationToken);
    }
}
