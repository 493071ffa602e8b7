using System.Security.Cryptography;
using System.Text;
using KubeCop.Core.Workloads;

namespace KubeCop.Core.Alerts;

/// <summary>What makes two alerts the same matter, also in different replicas and after a restart.</summary>
public static class AlertFingerprint
{
    /// <returns>16 lower-case hexadecimal digits.</returns>
    public static string Of(string ruleId, WorkloadKey workload, string containerName, string subject)
    {
        // The lengths make the parts unambiguous whatever they contain.
        ReadOnlySpan<string> parts = [ruleId, workload.Namespace, workload.Kind, workload.Name, containerName, subject];
        var text = new StringBuilder();
        foreach (var part in parts)
        {
            text.Append(part.Length).Append(':').Append(part);
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())).AsSpan(0, 8));
    }
}
