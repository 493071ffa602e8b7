using System.Numerics;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;

namespace KubeCop.Core.Profiles;

/// <summary>
/// The opens of a profile whose paths have variable segments: <c>⋯</c> stands for exactly one segment, <c>*</c> at the end for one or more.
/// A file that is really called so is written otherwise: see <see cref="Literal"/>.
/// <para>
/// Patterns are grouped by shape, which of how many segments are variable. A look-up takes the hash of each of a path's segments, puts
/// together for each shape those that are not variable, and looks for the result: it costs as much as there are shapes, however many patterns,
/// and allocates nothing.
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

    /// <summary>What profiles write for a segment that may be any.</summary>
    public const string AnySegment = "⋯";

    private const char One = '⋯';
    private const char More = '*';

    private readonly Shape[] _shapes;
    private readonly Pattern[] _patterns;

    /// <summary>By the hash of its shape and its own segments, the last pattern that has it; the others follow it.</summary>
    private readonly Dictionary<ulong, int> _byHash = [];

    /// <summary>A bit for each number of segments of which there may be a path that a pattern covers.</summary>
    private readonly ulong _counts;

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
        _counts = _shapes.Aggregate(0UL, static (counts, shape) => counts | (shape.HasMore ? ~0UL : 1UL) << (shape.Segments - 1));
        var flags = new Dictionary<string, (int Shape, uint Flags)>(StringComparer.Ordinal);
        for (var shape = 0; shape < byShape.Count; shape++)
        {
            foreach (var (open, _) in byShape[shape])
            {
                flags[open.Path] = (shape, flags.GetValueOrDefault(open.Path).Flags | OpenFlags.Parse(open.Flags));
            }
        }

        _patterns = new Pattern[flags.Count];
        Span<int> starts = stackalloc int[MaxSegments + 1];
        Span<int> hashes = stackalloc int[MaxSegments];
        var index = 0;
        foreach (var (path, (shape, set)) in flags)
        {
            Split(path, starts, hashes);
            ref var last = ref CollectionsMarshal.GetValueRefOrAddDefault(_byHash, _shapes[shape].Hash(shape, hashes), out var exists);
            _patterns[index] = new Pattern(path, set, exists ? last : -1);
            last = index++;
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
        // In a plain path each slash begins a segment; one that ends with a slash is not plain.
        var count = path.AsSpan().Count('/');
        if (count is 0 or > MaxSegments || (_counts >> (count - 1) & 1) == 0 || !IsPlain(path))
        {
            return default;
        }

        Span<int> starts = stackalloc int[count + 1];
        Span<int> hashes = stackalloc int[count];
        Split(path, starts, hashes);
        var (all, ofAny) = (0u, 0u);
        for (var index = 0; index < _shapes.Length; index++)
        {
            ref readonly var shape = ref _shapes[index];
            if ((shape.HasMore ? count >= shape.Segments : count == shape.Segments) && _byHash.TryGetValue(shape.Hash(index, hashes), out var candidate))
            {
                for (; candidate >= 0; candidate = _patterns[candidate].Next)
                {
                    if (shape.Matches(_patterns[candidate].Path, path, starts))
                    {
                        all |= _patterns[candidate].Flags;
                        ofAny |= shape.EndsVariable ? _patterns[candidate].Flags : 0;
                    }
                }
            }
        }

        return (all, ofAny);
    }

    /// <param name="starts">Gets where each segment's slash is, and where the next would be after the last.</param>
    /// <param name="hashes">Gets the hash of each segment.</param>
    private static void Split(string path, Span<int> starts, Span<int> hashes)
    {
        var (start, count) = (0, 0);
        while (start < path.Length)
        {
            var length = path.AsSpan(start + 1).IndexOf('/');
            var end = length < 0 ? path.Length : start + 1 + length;
            starts[count] = start;
            hashes[count++] = string.GetHashCode(path.AsSpan(start + 1, end - start - 1));
            start = end;
        }

        starts[count] = path.Length;
    }

    private static bool IsPlain(string path) =>
        path.Length <= MaxLength && path.StartsWith('/') && !path.EndsWith('/') && !path.Contains("//", StringComparison.Ordinal);

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

        /// <param name="index">The shape's own, so that patterns of two shapes do not get in each other's way.</param>
        /// <param name="hashes">Of a path's segments.</param>
        public ulong Hash(int index, ReadOnlySpan<int> hashes)
        {
            var hash = (ulong)index;
            for (var i = 0; i < Segments - (HasMore ? 1 : 0); i++)
            {
                hash = (Variable & (1UL << i)) != 0 ? hash : (BitOperations.RotateLeft(hash, 29) ^ (uint)hashes[i]) * 0x9e3779b97f4a7c15;
            }

            return hash;
        }

        /// <summary>Whether a pattern of this shape covers a path that is long enough for it.</summary>
        /// <param name="starts">Where the path's segments are.</param>
        public bool Matches(string pattern, string path, ReadOnlySpan<int> starts)
        {
            var position = 0;
            for (var i = 0; i < Segments - (HasMore ? 1 : 0); i++)
            {
                var own = (Variable & (1UL << i)) != 0 ? "/⋯" : path.AsSpan(starts[i], starts[i + 1] - starts[i]);
                if (!pattern.AsSpan(position).StartsWith(own))
                {
                    return false;
                }

                position += own.Length;
            }

            return pattern.AsSpan(position).SequenceEqual(HasMore ? "/*" : "");
        }
    }

    /// <param name="Next">Another with the same hash; -1 for none.</param>
    private readonly record struct Pattern(string Path, uint Flags, int Next);
}
