using System.Security.Cryptography;
using System.Text;
using KubeCop.Core.Workloads;
using KubeCop.Host.Node;
using Microsoft.Extensions.Options;

namespace KubeCop.Host.Http;

/// <summary>
/// The token of this silo, which gives a right to everything: a file of the data directory that only its owner can read. Everybody on the
/// machine reaches a loopback port, and so does every page in a browser there.
/// </summary>
internal sealed class AccessToken
{
    private const int Bytes = 32;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly byte[] _token;

    public AccessToken(IOptions<NodeOptions> node)
    {
        var path = NodeFiles.TokenFile(node.Value.DataDirectory);

        // One that others could read, as after a restore, or write, is not trusted any more.
        if (!File.Exists(path) || File.GetUnixFileMode(path) != OwnerOnly || File.ReadAllText(path).Trim() is not { Length: 2 * Bytes } token || !token.All(char.IsAsciiHexDigit))
        {
            token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(Bytes));
            NodeFiles.WritePrivate(path, token + "\n");
        }

        _token = Encoding.ASCII.GetBytes(token);
    }

    /// <summary>How long that takes tells nothing of the token.</summary>
    public bool Is(string given) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), _token);

    /// <summary>What nobody can make for a text who does not have the token (HMAC-SHA256).</summary>
    public byte[] Sign(string text) => HMACSHA256.HashData(_token, Encoding.UTF8.GetBytes(text));
}
