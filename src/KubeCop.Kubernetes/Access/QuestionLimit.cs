namespace KubeCop.Kubernetes.Access;

/// <summary>
/// How many questions there may be at a time, and as many in a second: of everybody together, and of each who asks. Remembers only whose question is
/// under way or was begun in this second, which are never more than it lets through. For any thread.
/// </summary>
internal sealed class QuestionLimit(int most, int mostOfOne, TimeProvider time)
{
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(1);

    private readonly Tally _underWay = new();
    private readonly Tally _begun = new();
    private readonly Lock _lock = new();
    private long _since = time.GetTimestamp();

    /// <returns>False when there are too many. Else <see cref="End"/> has to follow.</returns>
    public bool TryBegin(string who)
    {
        lock (_lock)
        {
            if (time.GetElapsedTime(_since) >= Window)
            {
                _begun.Clear();
                _since = time.GetTimestamp();
            }

            if (_underWay.All >= most || _begun.All >= most || _underWay.Of(who) >= mostOfOne || _begun.Of(who) >= mostOfOne)
            {
                return false;
            }

            _underWay.Add(who, 1);
            _begun.Add(who, 1);
            return true;
        }
    }

    public void End(string who)
    {
        lock (_lock)
        {
            _underWay.Add(who, -1);
        }
    }

    private sealed class Tally
    {
        private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);

        public int All { get; private set; }

        public int Of(string who) => _counts.GetValueOrDefault(who);

        public void Add(string who, int count)
        {
            All += count;
            if (Of(who) + count is > 0 and var sum)
            {
                _counts[who] = sum;
            }
            else
            {
                _counts.Remove(who);
            }
        }

        public void Clear()
        {
            _counts.Clear();
            All = 0;
        }
    }
}
