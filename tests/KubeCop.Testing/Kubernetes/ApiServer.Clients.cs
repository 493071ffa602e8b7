using System.Text;
using k8s;

namespace KubeCop.Testing.Kubernetes;

/// <content>What clients are told.</content>
public sealed partial class ApiServer
{
    /// <summary>Of the client library, in this process.</summary>
    /// <param name="token">Whose requests they are; the administrator's without one.</param>
    public KubernetesClientConfiguration ClientConfiguration(string? token = null) => new()
    {
        Host = Url,
        AccessToken = token ?? AdminToken,
        SslCaCerts = [System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(AuthorityPem)],
    };

    /// <summary>Writes a kubeconfig file, as kubectl takes it.</summary>
    public string WriteKubeconfig(string path, string? token = null, string @namespace = "default")
    {
        File.WriteAllText(path, $"""
            apiVersion: v1
            kind: Config
            clusters:
            - name: emulator
              cluster:
                server: {Url}
                certificate-authority-data: {Convert.ToBase64String(Encoding.ASCII.GetBytes(AuthorityPem))}
            users:
            - name: user
              user:
                token: {token ?? AdminToken}
            contexts:
            - name: emulator
              context:
                cluster: emulator
                user: user
                namespace: {@namespace}
            current-context: emulator
            """);
        return path;
    }

    /// <summary>Writes what a pod finds under /var/run/secrets/kubernetes.io/serviceaccount. Its token can be replaced there, as kubelet does.</summary>
    public string WriteServiceAccount(string directory, string token, string @namespace = "default")
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "token"), token);
        File.WriteAllText(Path.Combine(directory, "ca.crt"), AuthorityPem);
        File.WriteAllText(Path.Combine(directory, "namespace"), @namespace);
        return directory;
    }

    /// <summary>The variables that every pod has, which lead its clients here.</summary>
    public IReadOnlyDictionary<string, string> PodEnvironment => new Dictionary<string, string>
    {
        ["KUBERNETES_SERVICE_HOST"] = "127.0.0.1",
        ["KUBERNETES_SERVICE_PORT"] = $"{Port}",
        ["KUBERNETES_SERVICE_PORT_HTTPS"] = $"{Port}",
    };
}
