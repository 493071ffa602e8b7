using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using KubeCop.Core.Workloads;
using KubeCop.Kubernetes.Api;

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

    /// <summary>
    /// The workload that an object's annotation names, when the object is where that workload's profile is: people copy annotations along with an
    /// object to another name or namespace.
    /// </summary>
    /// <param name="storeNamespace">The one with all profiles; empty when each is in its workload's.</param>
    /// <returns>Null when it names none, or one whose profile is elsewhere.</returns>
    public static WorkloadKey? Annotated(ApiObject profile, string storeNamespace)
    {
        if (profile.Metadata.Annotations is not { } annotations || !annotations.TryGetValue(ProfileMirror.WorkloadAnnotation, out var key) || TryParse(key) is not { } workload)
        {
            return null;
        }

        var (ns, name) = (storeNamespace.Length > 0 ? storeNamespace : workload.Namespace, Of(workload, storeNamespace.Length > 0));
        return profile.Metadata.NamespaceProperty == ns && (profile.Metadata.Name == name || profile.Metadata.Name == Unambiguous(workload, name)) ? workload : null;
    }

    public static bool IsName(string name) => name.Length <= MaxLength && Name().IsMatch(name);

    private static WorkloadKey? TryParse(string key)
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

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
