using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using KubeCop.Core.Workloads;

namespace KubeCop.Kubernetes.Profiles;

/// <summary>Names of objects, as KubeCop gives them: <c>kind-name</c>, and <c>kind-name-namespace</c> where all are in one namespace.</summary>
internal static partial class ProfileName
{
    /// <summary>Of a name (RFC 1123 subdomain, Kubernetes' object names).</summary>
    private const int MaxLength = 253;

    private const int HashLength = 8;

    public static string Of(WorkloadKey workload, bool withNamespace)
    {
        var name = withNamespace ? $"{workload.ProfileName}-{workload.Namespace}" : workload.ProfileName;
        return name.Length <= MaxLength ? name : Unambiguous(workload, name);
    }

    /// <summary>A name that no other workload's can be: two of <c>kind-name-namespace</c> may be the same text.</summary>
    public static string Unambiguous(WorkloadKey workload, string name)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(workload.GrainKey)))[..HashLength];
        var kept = name.Length + 1 + HashLength <= MaxLength ? name : name[..(MaxLength - 1 - HashLength)].TrimEnd('-', '.');
        return $"{kept}-{hash}";
    }

    /// <summary>The workload an annotation names; null when it names none.</summary>
    public static WorkloadKey? TryParse(string key)
    {
        try
        {
            return WorkloadKey.Parse(key);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    public static bool IsName(string name) => name.Length <= MaxLength && Name().IsMatch(name);

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
