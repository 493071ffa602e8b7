using System.Diagnostics.Metrics;
using KubeCop.Storage;
using Microsoft.Extensions.Time.Testing;
using Orleans.Storage;

namespace KubeCop.Tests.Storage;

public sealed class StorageHealthTests
{
    private static readonly GrainId A = GrainId.Create("workload", "a");
    private static readonly GrainId B = GrainId.Create("workload", "b");

    private readonly FakeTimeProvider _time = new();
    private readonly BreakableStorage _store = new();
    private readonly StorageHealth _health;
    private readonly WatchedGrainStorage _storage;

    public StorageHealthTests()
    {
        _health = new StorageHealth(_time);
        _storage = new WatchedGrainStorage(_store, _health);
    }

    [Fact]
    public async Task Error_StateThatFails_IsToldUntilThatStateCanBeUsedAgain()
    {
        Assert.Null(_health.Error);

        _store.Failure = new StorageException("The disk is full.", "Free space.");
        await Assert.ThrowsAsync<StorageException>(() => WriteAsync(A));
        Assert.Contains("The disk is full.", _health.Error, StringComparison.Ordinal);

        _store.Failure = null;
        await WriteAsync(B);
        Assert.NotNull(_health.Error);
        await WriteAsync(A);
        Assert.Null(_health.Error);
    }

    [Fact]
    public async Task Error_SeveralStates_TellsTheNewestAndHowManyMore()
    {
        _store.Failure = new StorageException("First.", "");
        await Assert.ThrowsAsync<StorageException>(() => WriteAsync(A));
        _time.Advance(TimeSpan.FromSeconds(1));
        _store.Failure = new StorageException("Second.", "");
        await Assert.ThrowsAsync<StorageException>(() => WriteAsync(B));

        Assert.Contains("Second.", _health.Error, StringComparison.Ordinal);
        Assert.Contains("1 others", _health.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Error_StateNobodyHasNeededSince_IsForgotten()
    {
        _store.Failure = new StorageException("Gone.", "");
        await Assert.ThrowsAsync<StorageException>(() => WriteAsync(A));
        _time.Advance(TimeSpan.FromMinutes(11));

        Assert.Null(_health.Error);
    }

    [Fact]
    public async Task Error_WhoWroteFirstOrWasCanceled_IsNoFailureOfTheStore()
    {
        _store.Failure = new InconsistentStateException("Somebody else wrote first.");
        await Assert.ThrowsAsync<InconsistentStateException>(() => WriteAsync(A));
        _store.Failure = new OperationCanceledException();
        await Assert.ThrowsAsync<OperationCanceledException>(() => WriteAsync(A));

        Assert.Null(_health.Error);
    }

    [Fact]
    public async Task Error_MoreStatesThanAreKept_SaysSo()
    {
        _store.Failure = new StorageException("Away.", "");
        for (var state = 0; state < 1100; state++)
        {
            await Assert.ThrowsAsync<StorageException>(() => WriteAsync(GrainId.Create("workload", $"{state}")));
        }

        Assert.Contains("999 or more others", _health.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Operations_AreTimed_ByWhatTheyWereAndWhatBecameOfThem()
    {
        // Storages of other tests have the same meter, but not this flow.
        var isMine = new AsyncLocal<bool> { Value = true };
        var told = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Name == "kubecop.storage.operations")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((_, seconds, tags, _) =>
        {
            if (isMine.Value && seconds >= 0)
            {
                told.Add(string.Join(' ', tags.ToArray().Select(static tag => tag.Value)));
            }
        });
        listener.Start();

        await _storage.ReadStateAsync("workload", A, new GrainState<string>());
        await WriteAsync(A);
        await _storage.ClearStateAsync("workload", A, new GrainState<string>());
        foreach (var failure in (Exception[])[new StorageException("Full.", ""), new InconsistentStateException("First."), new OperationCanceledException()])
        {
            _store.Failure = failure;
            await Assert.ThrowsAsync(failure.GetType(), () => WriteAsync(A));
        }

        Assert.Equal(["read done", "write done", "clear done", "write failed", "write conflict", "write canceled"], told);
    }

    private Task WriteAsync(GrainId grain) => _storage.WriteStateAsync("workload", grain, new GrainState<string>("x"));

    private sealed class BreakableStorage : IGrainStorage
    {
        public Exception? Failure { get; set; }

        public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => AnswerAsync();

        public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => AnswerAsync();

        public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => AnswerAsync();

        private Task AnswerAsync() => Failure is null ? Task.CompletedTask : Task.FromException(Failure);
    }
}
