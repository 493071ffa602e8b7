using System.Globalization;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Kubernetes;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.Kubernetes;

/// <summary>
/// A pod of a deployment that does the same in each turn until it is attacked: then each turn starts another program in /dev/shm and writes another file in
/// each of its directories, all named after the turn. So what alerts and what does not is known turn by turn.
/// </summary>
public sealed class AttackedPod : IAsyncDisposable
{
    /// <summary>The directory whose files nobody allows.</summary>
    public const string Forbidden = "forbidden";

    /// <summary>Turns without an alert after which there will be none.</summary>
    private const int Quiet = 10;

    private static readonly string[] Directories = ["first", "second", "third", "fourth", Forbidden];

    private static readonly string Loop = $"""
        /bin/mkdir {string.Join(' ', Directories.Select(static directory => $"/data/{directory}"))}
        i=0
        while :; do
            name=known
            [ -e /data/attack ] && name=$i
            /bin/mkdir -p /dev/shm/$name
            for directory in {string.Join(' ', Directories)}; do : > /data/$directory/$name; done
            /bin/ln -sf /bin/true /dev/shm/$name/true
            /dev/shm/$name/true
            echo $i
            i=$((i+1))
            /bin/sleep 0.1
        done
        """;

    private readonly ThreeNodes _cluster;
    private readonly EmulatedWorkload _workload;
    private readonly CriPod _pod;
    private readonly CriContainer _container;

    private AttackedPod(ThreeNodes cluster, EmulatedWorkload workload, CriPod pod, CriContainer container) =>
        (_cluster, _workload, _pod, _container) = (cluster, workload, pod, container);

    /// <summary>Name of its ApplicationProfile.</summary>
    public string Profile => _workload.Profile;

    public string Workload => _workload.Name;

    public string ContainerId => _container.Id;

    /// <summary>The last turn that has ended.</summary>
    public int Turn => _container.Log.Split('\n', StringSplitOptions.RemoveEmptyEntries) is [.., var last] ? int.Parse(last.Split(' ')[^1], CultureInfo.InvariantCulture) : -1;

    public static async Task<AttackedPod> StartAsync(ThreeNodes cluster, ContainerdFixture containerd, string deployment)
    {
        var workload = new EmulatedWorkload(cluster.Api, deployment);
        var (name, uid) = workload.Schedule(cluster.First.Name, "a");
        var pod = await containerd.RunPodAsync(new PodOptions { Name = name, Uid = uid });
        return new AttackedPod(cluster, workload, pod, await pod.StartAsync("app", ["/bin/sh", "-c", Loop]));
    }

    /// <summary>Waits until its profile is learned, as people see that.</summary>
    /// <returns>What <c>kubectl get -o wide</c> shows of it, field by field.</returns>
    public async Task<string[]> UntilLearnedAsync() => (await Wait.UntilAsync(
        async () => (await _cluster.Kubectl.RunAsync("get", "applicationprofiles", "-o", "wide")).Split('\n').Select(Words).FirstOrDefault(words => words.FirstOrDefault() == Profile) ?? [],
        static words => words.Contains("final"),
        $"final profile of {Profile} in kubectl get",
        TimeSpan.FromMinutes(1)))!;

    /// <summary>Begins the attack; ends when there are alerts of everything.</summary>
    public async Task AttackAsync()
    {
        await _container.ExecAsync("/bin/sh", "-c", ": > /data/attack");
        foreach (var directory in Directories)
        {
            await UntilSeenAsync(() => FilesSeen(directory), after: 0, directory, Wait.DefaultTimeout);
        }

        await UntilAllIsSeenAsync();
    }

    /// <summary>The file in its profile that stands for those of a directory.</summary>
    public static string KnownFile(string directory) => $"/data/{directory}/known";

    /// <summary>All files of a directory, as people write that in a profile.</summary>
    public static string AllFiles(string directory) => $"/data/{directory}/⋯";

    /// <summary>Alerts of files of one directory, by turn.</summary>
    public SortedDictionary<int, AlertView> FilesSeen(string directory) =>
        ByTurn(_cluster.First.Alerts, "R0002", alert => alert.EventText("path")!.Split('/') is ["", "data", var place, var turn] && place == directory ? turn : "");

    /// <summary>Alerts of programs in /dev/shm, by turn.</summary>
    public SortedDictionary<int, AlertView> ProgramsSeen(string rule) => Programs(_cluster.First.Alerts, rule);

    /// <summary>The same, of one severity.</summary>
    public SortedDictionary<int, AlertView> ProgramsSeen(string rule, string severity) => Programs(_cluster.First.Alerts.Where(alert => alert.Severity == severity), rule);

    /// <summary>Waits until something is not alerted on any more, while what nobody allowed still is.</summary>
    /// <returns>The time of the last alert.</returns>
    public async Task<DateTimeOffset> UntilSilentAsync(Func<SortedDictionary<int, AlertView>> seen, string what, TimeSpan timeout) => (await Wait.UntilAsync(
        () => (Last: seen().Last(), Now: FilesSeen(Forbidden).Last().Key),
        static turns => turns.Last.Key + Quiet < turns.Now,
        $"end of the alerts of {what}",
        timeout)).Last.Value.Timestamp;

    /// <summary>Waits until something is alerted on that was done after a turn.</summary>
    /// <returns>The time of the first such alert.</returns>
    public async Task<DateTimeOffset> UntilSeenAsync(Func<SortedDictionary<int, AlertView>> seen, int after, string what, TimeSpan timeout) => (await Wait.UntilAsync(
        () => seen().FirstOrDefault(alert => alert.Key > after),
        static first => first.Value is not null,
        $"alert of {what} after turn {after}",
        timeout)).Value.Timestamp;

    /// <summary>Waits until the last program so far was alerted on.</summary>
    /// <returns>Its turn.</returns>
    public async Task<int> UntilAllIsSeenAsync()
    {
        var turn = Turn;
        return await Wait.UntilAsync(() => ProgramsSeen("R0001").LastOrDefault().Key, last => last >= turn, $"alert of R0001 of turn {turn}");
    }

    /// <summary>Waits until the node that was started again alerts on a program.</summary>
    /// <returns>The turn of the first one.</returns>
    public Task<int> UntilSeenAgainAsync() =>
        Wait.UntilAsync(() => Programs(_cluster.First.Process.Alerts, "R0001").FirstOrDefault().Key, static turn => turn > 0, $"alert of R0001 since {_cluster.First.Name} was started again");

    public ValueTask DisposeAsync() => _pod.DisposeAsync();

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private SortedDictionary<int, AlertView> Programs(IEnumerable<AlertView> alerts, string rule) =>
        ByTurn(alerts, rule, static alert => alert.EventText("path")!.Split('/') is ["", "dev", "shm", var turn, "true"] ? turn : "");

    private SortedDictionary<int, AlertView> ByTurn(IEnumerable<AlertView> alerts, string rule, Func<AlertView, string> turnOf)
    {
        var turns = new SortedDictionary<int, AlertView>();
        foreach (var alert in alerts.Where(alert => alert.RuleId == rule && alert.Container.Id == ContainerId && alert.State == "new"))
        {
            if (int.TryParse(turnOf(alert), CultureInfo.InvariantCulture, out var turn))
            {
                turns.TryAdd(turn, alert);
            }
        }

        return turns;
    }
}
