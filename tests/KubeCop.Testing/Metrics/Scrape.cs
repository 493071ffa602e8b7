using System.Globalization;
using System.Text.RegularExpressions;

namespace KubeCop.Testing.Metrics;

/// <summary>One value of a metric.</summary>
/// <param name="Metric">Its name, without what a histogram adds for its parts.</param>
/// <param name="Name">As it was written.</param>
/// <param name="Labels">Without a bucket's bound.</param>
public sealed record Sample(string Metric, string Name, IReadOnlyDictionary<string, string> Labels, double Value)
{
    public override string ToString() => $"{Name}{{{string.Join(',', Labels.Select(static label => $"{label.Key}=\"{label.Value}\""))}}} {Value.ToString(CultureInfo.InvariantCulture)}";
}

/// <summary>What <c>/metrics</c> answers, read.</summary>
public sealed partial class Scrape
{
    private readonly Dictionary<string, string> _types = new(StringComparer.Ordinal);
    private readonly List<Sample> _samples = [];

    private Scrape()
    {
    }

    /// <summary>Every metric with its type, also those that have no value yet.</summary>
    public IReadOnlyDictionary<string, string> Types => _types;

    public IReadOnlyList<Sample> Samples => _samples;

    /// <exception cref="FormatException">It is not in Prometheus' text form.</exception>
    public static Scrape Parse(string text)
    {
        var scrape = new Scrape();
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                var words = line.Split(' ');
                scrape._types[words[2]] = words[3];
            }
            else if (!line.StartsWith('#'))
            {
                scrape.Add(line);
            }
        }

        return scrape;
    }

    /// <summary>Sum of a metric's values that have these labels; null when there is none.</summary>
    public double? Sum(string name, params (string Label, string Value)[] labels)
    {
        var found = _samples.Where(sample => sample.Name == name && labels.All(label => sample.Labels.GetValueOrDefault(label.Label) == label.Value)).ToList();
        return found.Count == 0 ? null : found.Sum(static sample => sample.Value);
    }

    private void Add(string line)
    {
        var match = Line().Match(line);
        if (!match.Success)
        {
            throw new FormatException($"'{line}' is no line of Prometheus' text form.");
        }

        var name = match.Groups["name"].Value;
        var metric = Part().Replace(name, "") is var whole && _types.GetValueOrDefault(whole) == "histogram" ? whole : name;
        var labels = Label().Matches(match.Groups["labels"].Value)
            .Where(label => metric == name || label.Groups["name"].Value != "le")
            .ToDictionary(static label => label.Groups["name"].Value, static label => Regex.Unescape(label.Groups["value"].Value), StringComparer.Ordinal);
        var value = match.Groups["value"].Value switch
        {
            "+Inf" => double.PositiveInfinity,
            var number => double.Parse(number, CultureInfo.InvariantCulture),
        };
        _samples.Add(new Sample(metric, name, labels, value));
    }

    [GeneratedRegex(@"^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$")]
    private static partial Regex Line();

    [GeneratedRegex("""(?<name>\w+)="(?<value>(?:[^"\\]|\\.)*)"\s*""")]
    private static partial Regex Label();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex Part();
}
