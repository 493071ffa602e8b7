using System.Security.Cryptography;
using System.Text;
using KubeCop.Core.Workloads;
using KubeCop.Host.Node;
using Microsoft.Extensions.Options;

namespace KubeCop.Host.Http;

/// <summary>
/// The token that requests which change something carry: a file of the data directory that only its owner can read. Everybody on the
/// machine reaches a loopback port, and so does every page in a browser there.
/// </summary>
internal sealed class AccessToken
{
    private const int Bytes = 32;
    private const string Scheme = "Bearer ";

    private readonly byte[] _token;

    public AccessToken(IOptions<NodeOptions> node)
    {
        var path = NodeFiles.TokenFile(node.Value.DataDirectory);
        if (!File.Exists(path) || File.ReadAllText(path).Trim() is not { Length: 2 * Bytes } token)
        {
            token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(Bytes));
            NodeFiles.WritePrivate(path, token + "\n");
        }

        _token = Encoding.ASCII.GetBytes(token);
    }

    /// <exception cref="BadRequestException">The request does not carry the token.</exception>
    public void Require(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            || !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim()), _token))
        {
            request.HttpContext.Response.Headers.WWWAuthenticate = "Bearer";
            throw new BadRequestException(
                "This changes what is detected, so it needs the header 'Authorization: Bearer TOKEN' with the content of the file 'token' in the silo's data directory.",
                StatusCodes.Status401Unauthorized);
        }
    }
}
