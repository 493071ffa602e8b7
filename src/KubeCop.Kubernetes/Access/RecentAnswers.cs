namespace KubeCop.Kubernetes.Access;

/// <summary>Answers to the questions asked last, each for a time; with too many the oldest is forgotten. For any thread.</summary>
internal sealed class RecentAnswers(int limit, TimeSpan lifetime, TimeProvider time)
{
    private readonly Dictionary<string, (AccessAnswer Answer, long At)> _answers = new(StringComparer.Ordinal);

    // All live equally long, so the first is also the first to end.
    private readonly Queue<string> _order = new();
    private readonly Lock _lock = new();

    public int Count
    {
        get
        {
            lock (_lock)
            {
                Forget();
                return _answers.Count;
            }
        }
    }

    public AccessAnswer? Find(string question)
    {
        lock (_lock)
        {
            Forget();
            return _answers.TryGetValue(question, out var known) ? known.Answer : null;
        }
    }

    /// <summary>Of two that were asked at once the first is kept.</summary>
    public void Add(string question, AccessAnswer answer)
    {
        lock (_lock)
        {
            Forget();
            if (_answers.TryAdd(question, (answer, time.GetTimestamp())))
            {
                _order.Enqueue(question);
                if (_order.Count > limit)
                {
                    _answers.Remove(_order.Dequeue());
                }
            }
        }
    }

    private void Forget()
    {
        while (_order.TryPeek(out var oldest) && time.GetElapsedTime(_answers[oldest].At) >= lifetime)
        {
            _answers.Remove(_order.Dequeue());
        }
    }
}
