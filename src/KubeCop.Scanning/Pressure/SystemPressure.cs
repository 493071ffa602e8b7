using System.Globalization;

namespace KubeCop.Scanning.Pressure;

/// <summary>What the kernel says of pressure.</summary>
/// <param name="CpuPercent">Null where the kernel does not say: built without PSI, or started with <c>psi=0</c>.</param>
/// <param name="IoPercent">The same.</param>
internal readonly record struct PressureReading(double? CpuPercent, double? IoPercent)
{
    public bool IsKnown => CpuPercent is not null || IoPercent is not null;
}

/// <summary>
/// Says whether a scan is to pause, as others need the node. The pressure is the whole machine's, in a container too. It pauses from the limit on and
/// goes on below three quarters of it, so that it does not flutter. Used by one scan, on one thread at a time.
/// </summary>
internal sealed class SystemPressure
{
    private const double EndOfPause = 0.75;
    private const int RunShare = 5;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly PressureOptions _options;
    private readonly TimeProvider _time;
    private readonly string[] _directories;
    private long? _lookedAt;
    private long _since;
    private State _state;

    public SystemPressure(PressureOptions options, string hostRoot, TimeProvider time)
        : this(options, time, "/proc/pressure", $"{hostRoot.TrimEnd('/')}/proc/pressure")
    {
    }

    internal SystemPressure(PressureOptions options, TimeProvider time, params string[] directories) =>
        (_options, _time, _directories) = (options, time, directories);

    private enum State
    {
        Running,
        Pausing,

        /// <summary>It has paused as long as it may.</summary>
        Insisting,
    }

    /// <summary>As it was last read.</summary>
    public PressureReading Reading { get; private set; }

    /// <summary>Whether to do nothing for now, and ask again in a second. Reads the pressure at most once a second. Never where it is not known.</summary>
    public bool ShouldPause()
    {
        if (_lookedAt is { } before && _time.GetElapsedTime(before) < Interval)
        {
            return _state == State.Pausing;
        }

        _lookedAt = _time.GetTimestamp();
        Reading = new PressureReading(Read("cpu"), Read("io"));
        var inState = _time.GetElapsedTime(_since);
        var next = _state switch
        {
            State.Running => IsOver(1) ? State.Pausing : State.Running,
            _ when !IsOver(EndOfPause) => State.Running,
            State.Pausing => inState >= _options.LongestPause ? State.Insisting : State.Pausing,
            _ => inState >= _options.LongestPause / RunShare ? State.Pausing : State.Insisting,
        };
        if (next != _state)
        {
            (_state, _since) = (next, _time.GetTimestamp());
        }

        return _state == State.Pausing;
    }

    /// <param name="content">As <c>some avg10=1.23 avg60=… avg300=… total=…</c>, and a line for <c>full</c>.</param>
    /// <returns>The average of <c>some</c> over ten seconds; null when it is not there.</returns>
    internal static double? Parse(string content)
    {
        const string Start = "some avg10=";
        var at = content.StartsWith(Start, StringComparison.Ordinal) ? Start.Length : -1;
        var end = at < 0 ? -1 : content.IndexOf(' ', at);
        return end > at && double.TryParse(content.AsSpan(at, end - at), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent)
            ? percent
            : null;
    }

    private bool IsOver(double share) => IsOver(Reading.CpuPercent, _options.CpuPercent * share) || IsOver(Reading.IoPercent, _options.IoPercent * share);

    private static bool IsOver(double? percent, double limit) => limit > 0 && percent >= limit;

    private double? Read(string resource)
    {
        foreach (var directory in _directories)
        {
            try
            {
                if (Parse(File.ReadAllText($"{directory}/{resource}")) is { } percent)
                {
                    return percent;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Not there, or switched off (EOPNOTSUPP).
            }
        }

        return null;
    }
}
