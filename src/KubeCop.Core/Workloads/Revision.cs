using System.Security.Cryptography;
using System.Text;

namespace KubeCop.Core.Workloads;

/// <summary>
/// What makes two containers the same program: a hash of container name, image digest (its reference, when the digest is unknown) and
/// command. A plain restart keeps the revision and so does not learn again.
/// </summary>
public static class Revision
{
    /// <returns>16 lower-case hexadecimal digits.</returns>
    public static string Of(string containerName, string imageDigest, string image, IReadOnlyList<string> command)
    {
        var text = new StringBuilder();
        Append(containerName);
        Append(imageDigest.Length > 0 ? imageDigest : image);
        foreach (var part in command)
        {
            Append(part);
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];

        // The length makes the parts unambiguous whatever they contain.
        void Append(string part) => text.Append(part.Length).Append(':').Append(part);
    }
}
