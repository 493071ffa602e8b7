using System.Text.RegularExpressions;

namespace KubeCop.Testing.Metrics;

/// <summary>The metrics that docs/metrics.md lists: what other people's dashboards and alerts rely on.</summary>
public sealed partial class MetricPage
{
    private readonly Dictionary<string, (string Type, HashSet<string> Labels)> _metrics = new(StringComparer.Ordinal);

    private MetricPage()
    {
    }

    public IReadOnlyCollection<string> Names => _metrics.Keys;

    /// <summary>That of the working tree.</summary>
    public static MetricPage Load()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var page = Path.Combine(at.FullName, "docs", "metrics.md");
            if (File.Exists(page))
            {
                return Parse(File.ReadAllText(page));
            }
        }

        throw new InvalidOperationException($"No docs/metrics.md above {AppContext.BaseDirectory}.");
    }

    /// <param name="text">Of the page.</param>
    public static MetricPage Parse(string text)
    {
        var page = new MetricPage();
        foreach (Match row in Row().Matches(text))
        {
            var labels = Label().Matches(row.Groups["labels"].Value).Select(static label => label.Groups["name"].Value);
            page._metrics.Add(row.Groups["name"].Value, (row.Groups["type"].Value, labels.ToHashSet(StringComparer.Ordinal)));
        }

        return page;
    }

    /// <summary>In what a process answers otherwise than the page says; empty when it answers what the page says, and nothing else.</summary>
    public IReadOnlyList<string> Differences(Scrape scrape) =>
    [
        .. scrape.Types.Keys.Except(_metrics.Keys).Select(static name => $"{name} is answered and not on the page"),
        .. _metrics.Keys.Except(scrape.Types.Keys).Select(static name => $"{name} is on the page and not answered"),
        .. _metrics.Where(metric => scrape.Types.TryGetValue(metric.Key, out var type) && type != metric.Value.Type)
            .Select(metric => $"{metric.Key} is a {scrape.Types[metric.Key]}, the page says {metric.Value.Type}"),
        .. scrape.Samples.Where(sample => _metrics.TryGetValue(sample.Metric, out var metric) && !metric.Labels.SetEquals(sample.Labels.Keys))
            .Select(sample => $"{sample} has not the labels of the page: {string.Join(", ", _metrics[sample.Metric].Labels)}"),
    ];

    [GeneratedRegex(@"^\| `(?<name>[a-z][a-z0-9_]*)` \| (?<type>counter|gauge|histogram) \| (?<labels>.*?) \| ", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`(?<name>[a-z_]+)`")]
    private static partial Regex Label();
}
