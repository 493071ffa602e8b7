using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>
/// Publishes chosen instruments of one meter of <c>System.Diagnostics.Metrics</c>, with chosen tags; what other tags tell apart is summed up, so one
/// that tells totals must have no others. prometheus-net's own adapter shows counters as gauges, forgets what has not changed for minutes, and keeps
/// whatever values a tag ever had.
/// </summary>
internal sealed class InstrumentListener : IDisposable
{
    /// <summary>Of one instrument: values of tags beyond are one, <see cref="Other"/>.</summary>
    private const int MostSeries = 200;

    private const string Other = "other";

    private readonly Dictionary<string, Target> _targets = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    /// <param name="meter">Its name; there may be several of it, of one silo after the other.</param>
    public InstrumentListener(string meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == meter && _targets.TryGetValue(instrument.Name, out var target))
            {
                listener.EnableMeasurementEvents(instrument, new Source(target, instrument.IsObservable));
            }
        };
        _listener.MeasurementsCompleted = static (_, source) => (source as Source)?.End();
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, source) => ((Source)source!).Take(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, source) => ((Source)source!).Take(value, tags));
        _listener.SetMeasurementEventCallback<float>(static (_, value, tags, source) => ((Source)source!).Take(value, tags));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, source) => ((Source)source!).Take(value, tags));
    }

    /// <param name="unit">What one of the instrument is in the metric.</param>
    /// <param name="tags">Those that are labels of the metric, in its order.</param>
    public void Publish(string instrument, Counter counter, double unit, params (string Tag, MetricLabel Label)[] tags) =>
        _targets.Add(instrument, new Target((labels, value) => (labels.Length == 0 ? (ICounter)counter : counter.WithLabels(labels)).Inc(value * unit), false, tags));

    /// <inheritdoc cref="Publish(string, Counter, double, ValueTuple{string, MetricLabel}[])"/>
    public void Publish(string instrument, Gauge gauge, double unit, params (string Tag, MetricLabel Label)[] tags) =>
        _targets.Add(instrument, new Target((labels, value) => (labels.Length == 0 ? (IGauge)gauge : gauge.WithLabels(labels)).Inc(value * unit), true, tags));

    /// <inheritdoc cref="Publish(string, Counter, double, ValueTuple{string, MetricLabel}[])"/>
    public void Publish(string instrument, Histogram histogram, double unit, params (string Tag, MetricLabel Label)[] tags) =>
        _targets.Add(instrument, new Target((labels, value) => (labels.Length == 0 ? (IHistogram)histogram : histogram.WithLabels(labels)).Observe(value * unit), false, tags));

    /// <summary>To be called when all are published.</summary>
    public void Start() => _listener.Start();

    /// <summary>Asks those that tell only when they are asked.</summary>
    public void Observe()
    {
        try
        {
            _listener.RecordObservableInstruments();
        }
        catch (AggregateException)
        {
            // One of a silo that is just ending; the others were asked all the same.
        }
    }

    public void Dispose() => _listener.Dispose();

    /// <summary>A metric. From any thread.</summary>
    /// <param name="add">Adds to the metric with these values of its labels.</param>
    /// <param name="ends">What an instrument has told is taken back when that ends.</param>
    private sealed class Target(Action<string[], double> add, bool ends, (string Tag, MetricLabel Label)[] tags)
    {
        private readonly Dictionary<string, string[]> _series = new(StringComparer.Ordinal);
        private readonly string[] _rest = [.. tags.Select(static _ => Other)];

        public bool Ends => ends;

        public void Add(string[] labels, double value) => add(labels, value);

        /// <summary>Values of the metric's labels: the same array for the same values.</summary>
        public string[] LabelsOf(ReadOnlySpan<KeyValuePair<string, object?>> measured)
        {
            if (tags.Length == 0)
            {
                return [];
            }

            var values = new string[tags.Length];
            for (var i = 0; i < tags.Length; i++)
            {
                values[i] = ValueOf(tags[i].Tag, measured) is { } value && tags[i].Label.Allows(value) ? value : Other;
            }

            var key = string.Join('\0', values);
            lock (_series)
            {
                if (_series.TryGetValue(key, out var known))
                {
                    return known;
                }

                if (_series.Count == MostSeries)
                {
                    return _rest;
                }

                _series.Add(key, values);
                return values;
            }
        }

        private static string? ValueOf(string tag, ReadOnlySpan<KeyValuePair<string, object?>> measured)
        {
            foreach (var (name, value) in measured)
            {
                if (name == tag)
                {
                    return value?.ToString();
                }
            }

            return null;
        }
    }

    /// <summary>One instrument of one meter.</summary>
    /// <param name="tellsTotals">What it measures is what there is by now, and not what has come.</param>
    private sealed class Source(Target target, bool tellsTotals)
    {
        private readonly Dictionary<string[], double> _told = new(ReferenceEqualityComparer.Instance);
        private bool _hasEnded;

        public void Take(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var labels = target.LabelsOf(tags);
            if (!tellsTotals && !target.Ends)
            {
                target.Add(labels, value);
                return;
            }

            lock (_told)
            {
                if (_hasEnded)
                {
                    return;
                }

                ref var told = ref CollectionsMarshal.GetValueRefOrAddDefault(_told, labels, out _);
                var change = tellsTotals ? value - told : value;
                told += change;

                // A counter that tells less than before has begun anew, and counts on from there.
                target.Add(labels, change < 0 && !target.Ends ? value : change);
            }
        }

        public void End()
        {
            lock (_told)
            {
                if (!target.Ends || _hasEnded)
                {
                    return;
                }

                _hasEnded = true;
                foreach (var (labels, told) in _told)
                {
                    target.Add(labels, -told);
                }
            }
        }
    }
}
