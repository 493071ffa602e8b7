using System.Buffers;
using System.Text.Json;
using KubeCop.Core.Alerts;
using KubeCop.Exporters.Receivers;

namespace KubeCop.Exporters.Alertmanager;

/// <summary>
/// Posts alerts to one Alertmanager (API v2). There they fire from when they were first seen until
/// <see cref="AlertmanagerOptions.ResolveAfter"/> after they were last, or until <see cref="Alert.Until"/> if that is later. Alertmanager forgets all it was not told of again when it restarts, so
/// those that fire are posted anew each minute; it ends them by itself.
/// </summary>
internal sealed class AlertmanagerExporter : IAlertExporter, IDisposable
{
    private static readonly TimeSpan RefreshPeriod = TimeSpan.FromMinutes(1);

    /// <summary>Few enough for a proxy that takes small bodies only.</summary>
    private const int RefreshBatch = 128;

    private readonly HttpReceiver _receiver;
    private readonly AlertmanagerOptions _options;
    private readonly TimeProvider _time;
    private readonly FiringAlerts _firing;
    private readonly ITimer _refresh;
    private readonly CancellationTokenSource _stop = new();

    public AlertmanagerExporter(string url, AlertmanagerOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        var endpoint = AlertmanagerOptions.EndpointOf(url)!;
        _receiver = new HttpReceiver(endpoint, options);
        _firing = new FiringAlerts();
        Name = AlertmanagerOptions.NameOf(endpoint);

        // One at a time, however long it takes.
        _refresh = time.CreateTimer(_ => Refresh(), null, RefreshPeriod, Timeout.InfiniteTimeSpan);
    }

    public string Name { get; }

    public string Receiver => _receiver.Shown;

    public int BatchSize => 512;

    public bool IsRetried => true;

    public bool Takes(Alert alert) => true;

    public string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken)
    {
        // What comes late, after an outage, fires from now on: posted as over already it would reach nobody.
        var now = _time.GetUtcNow();
        var firing = batch.Select(alert => FiringAlert.Of(alert, EndOf(alert, now), _options.Labels)).ToList();
        var answer = Post(firing, cancellationToken);
        _firing.Add(firing, now);
        return answer;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _refresh.Dispose();
        _receiver.Dispose();
    }

    private DateTimeOffset EndOf(Alert alert, DateTimeOffset now)
    {
        var end = (alert.LastSeen > now ? alert.LastSeen : now) + _options.ResolveAfter;
        return alert.Until > end ? alert.Until.Value : end;
    }

    private void Refresh()
    {
        try
        {
            foreach (var batch in _firing.At(_time.GetUtcNow()).Chunk(RefreshBatch))
            {
                PostAnew(batch);
            }
        }
#pragma warning disable CA1031 // A timer's exception would end the process.
        catch (Exception)
#pragma warning restore CA1031
        {
            // A minute later again. That it is away is told by the alerts it does not take.
        }

        try
        {
            _refresh.Change(RefreshPeriod, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // The node ends.
        }
    }

    /// <summary>One that is refused, as by a proxy that looks into bodies, does not keep the others from being posted.</summary>
    private void PostAnew(ReadOnlyMemory<FiringAlert> alerts)
    {
        try
        {
            Post(alerts.ToArray(), _stop.Token);
        }
        catch (AlertsRefusedException) when (alerts.Length > 1)
        {
            PostAnew(alerts[..(alerts.Length / 2)]);
            PostAnew(alerts[(alerts.Length / 2)..]);
        }
        catch (AlertsRefusedException)
        {
            // It was taken when it came, or counted as refused.
        }
    }

    private string Post(IReadOnlyList<FiringAlert> alerts, CancellationToken cancellationToken)
    {
        var body = new ArrayBufferWriter<byte>(alerts.Count * 1024);
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartArray();
            foreach (var alert in alerts)
            {
                alert.Write(json);
            }

            json.WriteEndArray();
        }

        return _receiver.Send(HttpMethod.Post, body.WrittenMemory, addHeaders: null, cancellationToken);
    }
}
