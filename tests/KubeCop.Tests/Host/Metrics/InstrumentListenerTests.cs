using System.Diagnostics.Metrics;
using KubeCop.Host.Metrics;

namespace KubeCop.Tests.Host.Metrics;

public sealed class InstrumentListenerTests : IDisposable
{
    private readonly string _name = $"test-{Guid.NewGuid():N}";
    private readonly MetricSubject _metrics = new MetricCatalog().About("Test");
    private readonly InstrumentListener _listener;

    public InstrumentListenerTests() => _listener = new InstrumentListener(_name);

    public void Dispose() => _listener.Dispose();

    [Fact]
    public void Counter_OfSeveralMeters_GoesOn()
    {
        var counter = _metrics.Counter("c_total", "Counts.");
        _listener.Publish("c", counter, unit: 1);
        _listener.Start();

        using (var first = new Meter(_name))
        {
            first.CreateCounter<int>("c").Add(3);
        }

        using var second = new Meter(_name);
        second.CreateCounter<int>("c").Add(4, new KeyValuePair<string, object?>("silo", "10.0.0.1:11111"));

        Assert.Equal(7, counter.Value);
    }

    [Fact]
    public void ObservableCounter_ThatBeginsAnew_GoesOn()
    {
        var counter = _metrics.Counter("c_total", "Counts.");
        _listener.Publish("c", counter, unit: 0.001);
        _listener.Start();
        var total = 0L;
        using var meter = new Meter(_name);
        _ = meter.CreateObservableCounter("c", () => total);

        foreach (var next in (long[])[2000, 5000, 5000, 1000, 3000])
        {
            total = next;
            _listener.Observe();
        }

        Assert.Equal(8, counter.Value, 6);
    }

    [Fact]
    public void Gauges_AreTakenBack_WhenTheirMeterEnds()
    {
        var (held, observed) = (_metrics.Gauge("held", "Held.", Type), _metrics.Gauge("observed", "Observed."));
        _listener.Publish("held", held, unit: 1, ("type", Type));
        _listener.Publish("observed", observed, unit: 1);
        _listener.Start();
        var lasting = new Meter(_name);
        lasting.CreateUpDownCounter<int>("held").Add(5, new KeyValuePair<string, object?>("type", "a"));
        using (var ending = new Meter(_name))
        {
            var count = ending.CreateUpDownCounter<int>("held");
            count.Add(3, new KeyValuePair<string, object?>("type", "a"));
            count.Add(-1, new KeyValuePair<string, object?>("type", "a"));
            _ = ending.CreateObservableGauge("observed", static () => 9);
            _listener.Observe();
            Assert.Equal((7, 9), (held.WithLabels("a").Value, observed.Value));
        }

        Assert.Equal((5, 0), (held.WithLabels("a").Value, observed.Value));
        lasting.Dispose();
    }

    [Fact]
    public void Labels_ThatNobodyExpects_AreOneSeries()
    {
        var counter = _metrics.Counter("c_total", "Counts.", Type);
        var many = _metrics.Counter("m_total", "Counts.", Number);
        _listener.Publish("c", counter, unit: 1, ("type", Type));
        _listener.Publish("m", many, unit: 1, ("number", Number));
        _listener.Start();
        using var meter = new Meter(_name);
        var (few, lots) = (meter.CreateCounter<long>("c"), meter.CreateCounter<long>("m"));
        few.Add(1, new KeyValuePair<string, object?>("type", "b"));
        few.Add(2, new KeyValuePair<string, object?>("type", "10.0.0.1:11111"));
        few.Add(4);
        for (var number = 0; number < 1000; number++)
        {
            lots.Add(1, new KeyValuePair<string, object?>("number", number));
        }

        Assert.Equal((1, 6), (counter.WithLabels("b").Value, counter.WithLabels("other").Value));
        Assert.Equal(201, many.GetAllLabelValues().Count());
        Assert.Equal(800, many.WithLabels("other").Value);
    }

    [Fact]
    public void Histogram_IsInTheUnitOfTheMetric()
    {
        var histogram = _metrics.Histogram("h_seconds", "Takes.", [0.1, 1]);
        _listener.Publish("h", histogram, unit: 0.001);
        _listener.Start();
        using var meter = new Meter(_name);
        meter.CreateHistogram<double>("h", "ms").Record(250);

        Assert.Equal((1, 0.25), (histogram.Count, histogram.Sum));
    }

    private static MetricLabel Type { get; } = MetricLabel.OneOf("type", "a", "b");

    private static MetricLabel Number { get; } = MetricLabel.Like("number", "any", "^[0-9]+$");
}
