using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace KubeCop.Host.Configuration;

/// <summary>Durations as people type them: <c>90s</c>, <c>15m</c>, <c>12h</c>, <c>1h30m</c>, <c>7d</c>.</summary>
internal static class Duration
{
    /// <summary>What <see cref="TryParse"/> takes, for error messages.</summary>
    public const string Accepted = "a duration such as 90s, 15m, 12h or 1h30m";

    // A year; longer ones are typing errors.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(366);

    private static readonly (char Unit, TimeSpan Length)[] Units =
        [('d', TimeSpan.FromDays(1)), ('h', TimeSpan.FromHours(1)), ('m', TimeSpan.FromMinutes(1)), ('s', TimeSpan.FromSeconds(1))];

    /// <summary>Whole numbers with units from large to small, each unit at most once; at most 366 days.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var rest = text.AsSpan();
        var lastUnit = -1;
        do
        {
            var digits = rest.IndexOfAnyExceptInRange('0', '9');
            if (digits <= 0 || !int.TryParse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            var letter = rest[digits];
            var unit = Array.FindIndex(Units, known => known.Unit == letter);
            if (unit <= lastUnit || number > Longest / Units[unit].Length)
            {
                return false;
            }

            duration += number * Units[unit].Length;
            lastUnit = unit;
            rest = rest[(digits + 1)..];
        }
        while (!rest.IsEmpty);

        return duration <= Longest;
    }

    /// <summary>The shortest text that <see cref="TryParse"/> reads as this duration; fractions of a second are left out.</summary>
    public static string Format(TimeSpan duration)
    {
        var text = new StringBuilder();
        foreach (var (unit, length) in Units)
        {
            var number = (long)(duration / length);
            if (number > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"{number}{unit}");
                duration -= number * length;
            }
        }

        return text.Length > 0 ? text.ToString() : "0s";
    }
}
