using System.Text.RegularExpressions;

namespace KubeCop.Testing.Kubernetes;

/// <summary>What objects may be called (Kubernetes documentation, "Object Names and IDs").</summary>
internal static partial class ObjectNames
{
    public const string Rule =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

    public static bool IsName(string name) => name.Length <= 253 && Subdomain().IsMatch(name);

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex Subdomain();
}
