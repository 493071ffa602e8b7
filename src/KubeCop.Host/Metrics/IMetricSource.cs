namespace KubeCop.Host.Metrics;

/// <summary>The metrics of one subject. It lists them in the <see cref="MetricCatalog"/> when it is made.</summary>
internal interface IMetricSource
{
    /// <summary>Takes the values from where they are counted. Called for each scrape, by one at a time; waits for no grain, disk or network.</summary>
    void Update();
}
