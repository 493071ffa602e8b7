using KubeCop.Testing;
using KubeCop.Testing.Containers;

namespace KubeCop.Node.Tests.Servers;

/// <summary>
/// A pod of nginx, redis, postgresql and a client of all three that asks them without end, as the kubelet makes it: data in volumes, a service
/// account's token in a projected one.
/// </summary>
internal sealed class ServersPod : IAsyncDisposable
{
    private const string TokenDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

    // A client whose server goes away goes on; its turns are counted where no rule looks.
    private const string Client = """
        PATH=/usr/lib/postgresql/bin:$PATH
        until pg_isready -q -h 127.0.0.1; do sleep 0.2; done
        [ -e /state/made ] || { pgbench -q -i -h 127.0.0.1 -U postgres postgres && : >/state/made; }
        while :; do
            for page in / /index.html /missing; do busybox wget -q -O /dev/null "http://127.0.0.1$page"; done
            redis-cli -r 100 incr turns; redis-cli -r 20 set key value; redis-cli lpush list a b c; redis-cli get key
            pgbench -h 127.0.0.1 -U postgres -c 2 -t 20 postgres
            cat /var/run/secrets/kubernetes.io/serviceaccount/token
            echo turn >>/state/turns
            sleep 0.2
        done >/dev/null 2>&1
        """;

    private const string MakeDatabase = "chown postgres /volume && busybox su -s /bin/sh -c '/usr/lib/postgresql/bin/initdb -D /volume/main' postgres";

    private const string Postgres = "exec /usr/lib/postgresql/bin/postgres -D /volume/main -c listen_addresses=127.0.0.1";

    /// <summary>Containers by name, in the order they start.</summary>
    private static readonly IReadOnlyList<(string Name, string[] Command)> Containers =
    [
        ("nginx", ["nginx", "-g", "daemon off;"]),
        ("redis", ["redis-server", "/etc/redis/redis.conf", "--daemonize", "no", "--dir", "/volume", "--save", "10 100"]),
        ("postgres", ["busybox", "su", "-s", "/bin/sh", "-c", Postgres, "postgres"]),
        ("client", ["/bin/sh", "-c", Client]),
    ];

    private readonly ContainerdFixture _containerd;
    private readonly CriPod _pod;
    private readonly TestDirectory _volumes = new();
    private readonly Dictionary<string, CriContainer> _running = [];
    private readonly List<string> _ids = [];
    private int _attempt;
    private int _rotations;

    private ServersPod(ContainerdFixture containerd, CriPod pod) => (_containerd, _pod) = (containerd, pod);

    public static IEnumerable<string> Names => Containers.Select(static container => container.Name);

    /// <summary>Those of them that are no clients.</summary>
    public static IEnumerable<string> Servers => Names.Where(static name => name != "client");

    public string Name => _pod.Name;

    public string Namespace => _pod.Namespace;

    /// <summary>Ids of the containers that have run, also of those that were started anew.</summary>
    public IReadOnlyList<string> Ids => _ids;

    public static async Task<ServersPod> StartAsync(ContainerdFixture containerd)
    {
        using var files = new TestDirectory();
        var archive = files.Combine("servers.tar");
        await DebianServersImage.WriteArchiveAsync(archive);
        await containerd.ImportForPodsAsync(archive, DebianServersImage.Name);
        var pod = new ServersPod(containerd, await containerd.RunPodAsync(new PodOptions()));
        await pod.RotateTokenAsync();
        await pod._pod.RunToEndAsync("make-database", ["/bin/sh", "-c", MakeDatabase], pod.Mounts("postgres"), DebianServersImage.Name);
        foreach (var (name, command) in Containers)
        {
            await pod.StartAsync(name, command);
        }

        return pod;
    }

    public CriContainer this[string name] => _running[name];

    /// <summary>How often the client has asked every server.</summary>
    public int Turns => File.Exists(TurnsFile) ? File.ReadLines(TurnsFile).Count() : 0;

    /// <summary>Lets the client go on for a while.</summary>
    public async Task WaitForTurnsAsync(int turns)
    {
        var now = Turns;
        await Wait.UntilAsync(() => Turns, seen => seen >= now + turns, $"{turns} turns of the client beside {Logs()}", TimeSpan.FromMinutes(2));
    }

    /// <summary>As <c>nginx -s reload</c> and <c>pg_ctl reload</c> do.</summary>
    public async Task ReloadAsync()
    {
        await SignalAsync("nginx", "HUP");
        await SignalAsync("postgres", "HUP");
    }

    /// <summary>As logrotate does.</summary>
    public async Task RotateLogsAsync()
    {
        _rotations++;
        foreach (var (name, log) in ((string, string)[])[("nginx", "nginx/access.log"), ("redis", "redis/redis-server.log")])
        {
            var path = Path.Combine("/proc", $"{await _containerd.GetProcessIdAsync(_running[name])}", "root", "var/log", log);
            File.Move(path, $"{path}.{_rotations}");
        }

        await SignalAsync("nginx", "USR1");
    }

    /// <summary>As the kubelet does with a projected volume: a new directory beside the old one, and a link that changes over.</summary>
    public async Task RotateTokenAsync()
    {
        var volume = Directory.CreateDirectory(_volumes.Combine("token")).FullName;
        var name = $"..{DateTime.UtcNow:yyyy_MM_dd_HH_mm_ss}.{Random.Shared.Next(100_000_000, 999_999_999)}";
        Directory.CreateDirectory(Path.Combine(volume, name));
        File.WriteAllText(Path.Combine(volume, name, "token"), Guid.NewGuid().ToString());
        var link = Path.Combine(volume, "..data");
        var old = File.Exists(Path.Combine(link, "token")) ? File.ResolveLinkTarget(link, returnFinalTarget: false)!.FullName : null;
        File.CreateSymbolicLink($"{link}_tmp", name);
        await Commands.RunAsync("mv", "--no-target-directory", $"{link}_tmp", link);
        if (old is null)
        {
            File.CreateSymbolicLink(Path.Combine(volume, "token"), "..data/token");
        }
        else
        {
            Directory.Delete(old, recursive: true);
        }
    }

    /// <summary>Ends a container and starts it anew.</summary>
    public async Task RestartAsync(string name)
    {
        if (name == "redis")
        {
            await WaitForASaveAsync();
        }

        await _running[name].StopAsync(TimeSpan.FromSeconds(5));
        await _running[name].RemoveAsync();
        _attempt++;
        await StartAsync(name, Containers.Single(container => container.Name == name).Command);
    }

    // A Redis that ends while it saves kills the process that does so, which need not have happened while it was learned; another ten seconds pass
    // before it saves again.
    private async Task WaitForASaveAsync()
    {
        var log = Path.Combine("/proc", $"{await _containerd.GetProcessIdAsync(_running["redis"])}", "root", "var/log/redis/redis-server.log");
        var before = Saves();
        await Wait.UntilAsync(Saves, saves => saves > before, $"a save in {log} beside {Logs()}", TimeSpan.FromMinutes(2));

        int Saves() => File.Exists(log) ? File.ReadLines(log).Count(static line => line.Contains("Background saving terminated", StringComparison.Ordinal)) : 0;
    }

    public async ValueTask DisposeAsync()
    {
        await _pod.DisposeAsync();
        _volumes.Dispose();
    }

    private string Logs() => string.Join('\n', _running.Values.Select(static container => $"{container.Name}: {container.Log}"));

    private string TurnsFile => _volumes.Combine("client/turns");

    private async Task StartAsync(string name, string[] command)
    {
        var container = await _pod.StartAsync(name, command, Mounts(name), _attempt, image: DebianServersImage.Name);
        _running[name] = container;
        _ids.Add(container.Id);
    }

    private IEnumerable<PodMount> Mounts(string name)
    {
        yield return new PodMount(TokenDirectory, _volumes.Combine("token"), ReadOnly: true);
        yield return new PodMount(name == "client" ? "/state" : "/volume", Directory.CreateDirectory(_volumes.Combine(name)).FullName);
    }

    private async Task SignalAsync(string name, string signal) =>
        await Commands.RunAsync("kill", $"-{signal}", $"{await _containerd.GetProcessIdAsync(_running[name])}");
}
