using KubeCop.Core.Events;

namespace KubeCop.Core.Profiles;

/// <summary>
/// The opens of a profile whose paths have variable segments: <c>⋯</c> stands for exactly one segment, <c>*</c> at the end for one or more.
/// A file that is really called so is written otherwise: see <see cref="Literal"/>.
/// <para>
/// Patterns are grouped by shape, which of how many segments are variable. A look-up makes of a path what a pattern of each shape would be
/// and looks for that: it costs as much as there are shapes, however many patterns, and allocates nothing.
/// </para>
/// </summary>
public sealed class PathPatterns
{
    /// <summary>Shapes beyond these are left out, those of the fewest patterns: what they cover is unknown to the profile.</summary>
    public const int MaxShapes = 256;

    /// <summary>Segments a path may have, as bits of a shape; one with more is covered by no pattern.</summary>
    private const int MaxSegments = 64;

    /// <summary>Characters likewise; of a path of more bytes the sensor does not know the beginning.</summary>
    private const int MaxLength = 4096;

    private const char One = '⋯';
    private const char More = '*';

    private readonly Dictionary<string, uint> _flags = new(StringComparer.Ordinal);
    private readonly Shape[] _shapes;

    /// <param name="opens">Those that are patterns.</param>
    public PathPatterns(IEnumerable<OpenEntry> opens)
    {
        var byShape = opens.Select(static open => (Open: open, Shape: ShapeOf(open.Path)))
            .Where(static one => one.Shape.Segments <= MaxSegments)
            .GroupBy(static one => one.Shape)
            .OrderByDescending(static shape => shape.Count())
            .Take(MaxShapes)
            .ToList();
        _shapes = [.. byShape.Select(static shape => shape.Key)];
        foreach (var (open, _) in byShape.SelectMany(static shape => shape))
        {
            _flags[open.Path] = _flags.GetValueOrDefault(open.Path) | OpenFlags.Parse(open.Flags);
        }
    }

    /// <summary>Whether a profile's path stands for several.</summary>
    public static bool IsPattern(string path) =>
        path.StartsWith('/') && (path.EndsWith("/*", StringComparison.Ordinal) || path.EndsWith("/⋯", StringComparison.Ordinal) || path.Contains("/⋯/", StringComparison.Ordinal));

    /// <summary>
    /// How profiles write the path of a file that would be taken for a pattern: with the bytes of such names in hexadecimal. No other
    /// file's name looks like that, because the sensor writes so only bytes that are no text.
    /// </summary>
    public static string Literal(string path)
    {
        var segments = path.Split('/').Select(static segment => segment is [One] ? @"\xe2\x8b\xaf" : segment).ToArray();
        segments[^1] = segments[^1] is [More] ? @"\x2a" : segments[^1];
        return string.Join('/', segments);
    }

    /// <summary>Whether a pattern can cover a path.</summary>
    public static bool CanCover(string path) => IsPlain(path) && path.AsSpan().Count('/') <= MaxSegments;

    /// <summary>Whether all patterns among these entries would be looked up.</summary>
    public static bool HaveRoomFor(IEnumerable<OpenEntry> opens) =>
        opens.Where(static open => IsPattern(open.Path)).Select(static open => ShapeOf(open.Path)).Distinct().Take(MaxShapes + 1).Count() <= MaxShapes;

    /// <returns>
    /// The flags of all patterns that cover a path, as a set; and of those among them that cover any other name in its place, too.
    /// </returns>
    public (uint Flags, uint FlagsOfAny) Find(string path)
    {
        if (_shapes.Length == 0 || !IsPlain(path))
        {
            return default;
        }

        Span<Range> segments = stackalloc Range[MaxSegments + 1];
        var count = path.AsSpan(1).Split(segments, '/');
        return count <= MaxSegments ? Find(path.AsSpan(1), segments[..count]) : default;
    }

    private static bool IsPlain(string path) =>
        path.Length <= MaxLength && path.StartsWith('/') && !path.EndsWith('/') && !path.Contains("//", StringComparison.Ordinal);

    private (uint Flags, uint FlagsOfAny) Find(ReadOnlySpan<char> path, ReadOnlySpan<Range> segments)
    {
        // No longer than the path and its slash: no segment is empty, and a variable one is a character.
        Span<char> pattern = stackalloc char[path.Length + 1];
        var flags = _flags.GetAlternateLookup<ReadOnlySpan<char>>();
        var (all, ofAny) = (0u, 0u);
        foreach (var shape in _shapes)
        {
            if (shape.HasMore ? segments.Length < shape.Segments : segments.Length != shape.Segments)
            {
                continue;
            }

            var length = 0;
            for (var i = 0; i < shape.Segments; i++)
            {
                pattern[length++] = '/';
                if (shape.HasMore && i == shape.Segments - 1)
                {
                    pattern[length++] = More;
                }
                else if ((shape.Variable & (1UL << i)) != 0)
                {
                    pattern[length++] = One;
                }
                else
                {
                    var segment = path[segments[i]];
                    segment.CopyTo(pattern[length..]);
                    length += segment.Length;
                }
            }

            if (flags.TryGetValue(pattern[..length], out var found))
            {
                all |= found;
                ofAny |= shape.EndsVariable ? found : 0;
            }
        }

        return (all, ofAny);
    }

    private static Shape ShapeOf(string path)
    {
        var (variable, count) = (0UL, 0);
        foreach (var segment in path.AsSpan(1).Split('/'))
        {
            variable |= path.AsSpan(1)[segment] is [One] && count < MaxSegments ? 1UL << count : 0;
            count++;
        }

        return new Shape(count, variable, path.EndsWith("/*", StringComparison.Ordinal));
    }

    /// <param name="Segments">How many, <c>*</c> too.</param>
    /// <param name="Variable">A bit for each that is <c>⋯</c>.</param>
    /// <param name="HasMore">Whether the last is <c>*</c>.</param>
    private readonly record struct Shape(int Segments, ulong Variable, bool HasMore)
    {
        public bool EndsVariable => HasMore || (Variable >> (Segments - 1) & 1) != 0;
    }
}
