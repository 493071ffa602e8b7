using System.Buffers;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using KubeCop.Core.Alerts;
using KubeCop.Exporters.Receivers;

namespace KubeCop.Exporters.Http;

/// <summary>Sends alerts to a URL in KubeCop's own form, signed where there is a secret for it.</summary>
internal sealed class HttpExporter : IAlertExporter, IDisposable
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly HttpExporterOptions _options;
    private readonly HttpReceiver _receiver;
    private readonly HttpMethod _method;
    private readonly TimeProvider _time;
    private long _windowStart;
    private int _sentInWindow;
    private bool _isLimitTold;

    public HttpExporter(HttpExporterOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _method = new HttpMethod(options.Method);
        _receiver = new HttpReceiver(HttpReceiverOptions.ReadUrl(options.Url)!, options);
        _windowStart = time.GetTimestamp();
    }

    public string Name => "http";

    public string Receiver => _receiver.Shown;

    public int BatchSize => _options.BatchSize;

    public bool IsRetried => true;

    public string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken)
    {
        if (_time.GetElapsedTime(_windowStart) >= Window)
        {
            (_windowStart, _sentInWindow, _isLimitTold) = (_time.GetTimestamp(), 0, false);
        }

        var allowed = _options.MaxAlertsPerMinute == 0 ? batch.Count : Math.Min(batch.Count, _options.MaxAlertsPerMinute - _sentInWindow);
        var isOver = allowed < batch.Count;
        var answer = allowed > 0 || !_isLimitTold ? Send(batch, allowed, isOver && !_isLimitTold, cancellationToken) : "";
        _sentInWindow += allowed;
        if (isOver)
        {
            _isLimitTold = true;
            throw new ReceiverAwayException(
                $"{Receiver} has got {_options.MaxAlertsPerMinute} alerts in this minute, as many as it may; others wait for the next one "
                    + $"({HttpExporterOptions.Section}:{nameof(_options.MaxAlertsPerMinute)}).",
                allowed,
                Window - _time.GetElapsedTime(_windowStart));
        }

        return answer;
    }

    public void Dispose() => _receiver.Dispose();

    private string Send(IReadOnlyList<Alert> batch, int count, bool withNotice, CancellationToken cancellationToken)
    {
        var body = new ArrayBufferWriter<byte>((count + 1) * 2048);
        RuntimeAlerts.Write(body, batch, count, withNotice ? new AlertLimit(_options.MaxAlertsPerMinute, batch[count].Node) : null);
        return _receiver.Send(_method, body.WrittenMemory, headers => Sign(headers, body.WrittenSpan), cancellationToken);
    }

    private void Sign(HttpRequestHeaders headers, ReadOnlySpan<byte> body)
    {
        if (_options.HmacKeyFile.Length == 0)
        {
            return;
        }

        var timestamp = _time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(HttpReceiver.ReadSecret(_options.HmacKeyFile)));
        hmac.AppendData(Encoding.ASCII.GetBytes($"{timestamp}."));
        hmac.AppendData(body);
        headers.Add("X-KubeCop-Timestamp", timestamp);
        headers.Add("X-KubeCop-Signature", $"sha256={Convert.ToHexStringLower(hmac.GetHashAndReset())}");
    }
}
