namespace KubeCop.Testing.Node;

/// <summary>A file of bindings that changes while kubecop runs, and a container in which the effect of that is seen within some 30 ms.</summary>
public sealed class BindingFile : IDisposable
{
    /// <summary>Runs a program that drifted, and in each turn another one in /dev/shm, whose number it then writes.</summary>
    public const string Loop =
        "cp /bin/busybox /true; i=0; while :; do /true; mkdir /dev/shm/$i; ln -s /bin/true /dev/shm/$i/true; /dev/shm/$i/true; echo $i; i=$((i+1)); /bin/sleep 0.02; done";

    private readonly TestDirectory _directory = new();

    public string Path => _directory.Combine("bindings.yaml");

    /// <summary>Binds these rules to everything, and no others.</summary>
    /// <returns>When that was done.</returns>
    public DateTimeOffset Bind(params IEnumerable<string> rules)
    {
        var next = _directory.Combine("next");
        File.WriteAllText(next, $$"""
            apiVersion: kubescape.io/v1
            kind: RuntimeRuleAlertBinding
            metadata: { name: changing }
            spec:
              rules: [{{string.Join(", ", rules.Select(static rule => $"{{ ruleID: {rule} }}"))}}]
            """);
        var now = DateTimeOffset.UtcNow;
        File.Move(next, Path, overwrite: true);
        return now;
    }

    /// <summary>Of the program in /dev/shm that an alert of R1000 is about.</summary>
    public static int NumberOf(AlertView alert) => int.Parse(alert.EventText("path")!.Split('/')[^2], System.Globalization.CultureInfo.InvariantCulture);

    public void Dispose() => _directory.Dispose();
}
