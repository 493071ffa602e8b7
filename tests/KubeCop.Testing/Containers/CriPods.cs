using System.Net.Sockets;
using Grpc.Core;
using Grpc.Net.Client;
using KubeCop.Testing.Containers.Cri;

namespace KubeCop.Testing.Containers;

/// <summary>The kubelet's part of <see cref="ContainerdFixture"/>.</summary>
internal sealed class CriPods : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly string _cgroupParent;

    /// <param name="cgroupParent">Cgroup below which pods are made; goes with the fixture.</param>
    public CriPods(string socket, string cgroupParent, string imageDigest, TestDirectory files)
    {
        (_cgroupParent, ImageDigest, Files) = (cgroupParent, imageDigest, files);
        _channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler { ConnectCallback = (_, cancellationToken) => ConnectAsync(socket, cancellationToken) },
            DisposeHttpClient = true,
        });
        Runtime = new RuntimeService.RuntimeServiceClient(_channel);
    }

    public string ImageDigest { get; }

    public TestDirectory Files { get; }

    public RuntimeService.RuntimeServiceClient Runtime { get; }

    /// <summary>The plugin serves later than the daemon, and learns of imported images later still.</summary>
    public Task WaitUntilReadyAsync() =>
        WaitForImagesAsync(BusyboxImage.Name, BusyboxImage.SandboxName, $"{BusyboxImage.Name.Split(':')[0]}@{ImageDigest}");

    public Task WaitForImagesAsync(params string[] names) => Wait.UntilAsync(
        async () =>
        {
            try
            {
                var images = new ImageService.ImageServiceClient(_channel);
                var found = new List<bool>();
                foreach (var image in names)
                {
                    found.Add((await images.ImageStatusAsync(new ImageStatusRequest { Image = new ImageSpec { Image = image } })).Image is not null);
                }

                return found.All(static found => found) ? "" : "images are missing";
            }
            catch (RpcException e)
            {
                return e.Status.ToString();
            }
        },
        static problem => problem.Length == 0,
        "service of containerd's CRI plugin with the images");

    public async Task<CriPod> RunAsync(PodOptions options)
    {
        var uid = options.Uid;
        var network = options.HostNetwork ? NamespaceMode.Node : NamespaceMode.Pod;
        var config = new PodSandboxConfig
        {
            Metadata = new PodSandboxMetadata { Name = options.Name, Namespace = options.Namespace, Uid = uid },
            LogDirectory = Files.Combine($"logs-{uid}"),
            Linux = new LinuxPodSandboxConfig
            {
                CgroupParent = $"{_cgroupParent}/kubepods/besteffort/pod{uid}",
                SecurityContext = new LinuxSandboxSecurityContext
                {
                    NamespaceOptions = new NamespaceOption { Network = network, Pid = options.HostPid ? NamespaceMode.Node : NamespaceMode.Container },
                },
            },
        };
        if (!options.HostNetwork)
        {
            config.Hostname = options.Name;
        }

        // The kubelet adds the first three to the pod's own.
        config.Labels.Add("io.kubernetes.pod.name", options.Name);
        config.Labels.Add("io.kubernetes.pod.namespace", options.Namespace);
        config.Labels.Add("io.kubernetes.pod.uid", uid);
        config.Labels.Add(options.Labels.ToDictionary());
        var sandbox = await Runtime.RunPodSandboxAsync(new RunPodSandboxRequest { Config = config });
        return new CriPod(this, config, sandbox.PodSandboxId);
    }

    public void Dispose() => _channel.Dispose();

    private static async ValueTask<Stream> ConnectAsync(string socket, CancellationToken cancellationToken)
    {
        var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellationToken);
        return new NetworkStream(connection, ownsSocket: true);
    }
}
