using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace KubeCop.Core.Profiles;

/// <summary>
/// How many containers showed a behaviour, in 64 bits: each container sets the one its id hashes to, and sets are united by OR (linear
/// counting). Exact for one, and within about a tenth for as many as twenty.
/// </summary>
public static class ReplicaSketch
{
    private const int Bits = 64;

    /// <param name="containerId">Of the runtime.</param>
    public static ulong Of(string containerId) => 1UL << (SHA256.HashData(Encoding.UTF8.GetBytes(containerId))[0] % Bits);

    /// <returns>The estimated number; 0 for behaviour of which that is not known. Above about 200 it tells no more.</returns>
    public static int Count(ulong sketch)
    {
        var unset = Bits - BitOperations.PopCount(sketch);
        // E. of the number of throws that leave this many of the places empty; the last place left counts as half of one.
        return unset == Bits ? 0 : (int)Math.Round(-Bits * Math.Log(Math.Max(unset, 0.5) / Bits));
    }
}
