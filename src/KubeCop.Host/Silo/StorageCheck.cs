using KubeCop.Storage;
using Orleans.Storage;

namespace KubeCop.Host.Silo;

/// <summary>One step of <see cref="StorageCheck"/>.</summary>
/// <param name="Step">open (if that failed), read, write, read back, conflict, clear or gone.</param>
/// <param name="Detail">What was shown, or why it failed.</param>
/// <param name="Remedy">What to do about it; empty when it is in order.</param>
internal sealed record StorageStep(string Step, bool Ok, string Detail, string Remedy);

/// <summary>The state that the check writes.</summary>
[GenerateSerializer, Alias("kubecop.StorageProbe")]
internal sealed class StorageProbe
{
    [Id(0)] public string Text { get; set; } = "";
}

/// <summary>Shows, with a state that is thrown away, that a store does what grains rely on. Nothing else in it is touched.</summary>
internal static class StorageCheck
{
    private const string StateName = "probe";

    /// <returns>The steps up to the first that failed.</returns>
    public static async Task<IReadOnlyList<StorageStep>> RunAsync(Action<ISiloBuilder> add, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var steps = new List<StorageStep>();
        var grain = GrainId.Create("storagecheck", Guid.NewGuid().ToString("N"));
        GrainState<StorageProbe> mine = new(), stale = new();
        DetachedGrainStorage? opened = null;
        try
        {
            if (await TryAsync("open", "", async () => opened = await DetachedGrainStorage.OpenAsync(add, loggers, cancellationToken)))
            {
                // Of no interest by itself: a store that does not answer yet is opened later.
                steps.Clear();
                await CheckAsync(opened!.Storage);
            }
        }
        finally
        {
            if (opened is not null)
            {
                await opened.DisposeAsync();
            }
        }

        return steps;

        async Task CheckAsync(IGrainStorage storage)
        {
            var written = false;
            if (await TryAsync("read", "what is not there reads as new", async () =>
                {
                    await storage.ReadStateAsync(StateName, grain, mine, cancellationToken);
                    Expect(!mine.RecordExists, "A state that nobody wrote is there.");
                })
                && await TryAsync("write", "a new state is stored", async () =>
                {
                    mine.State = new StorageProbe { Text = "first" };
                    await storage.WriteStateAsync(StateName, grain, mine, cancellationToken);
                    written = true;
                })
                && await TryAsync("read back", "it comes back as it was", async () =>
                {
                    await storage.ReadStateAsync(StateName, grain, stale, cancellationToken);
                    Expect(stale.State?.Text == "first" && stale.ETag == mine.ETag, "It comes back as another, or with another ETag.");
                })
                && await TryAsync("conflict", "who comes second is refused", async () =>
                {
                    mine.State = new StorageProbe { Text = "second" };
                    await storage.WriteStateAsync(StateName, grain, mine, cancellationToken);
                    await ExpectConflictAsync(storage);
                }))
            {
                written = !await TryAsync("clear", "it is removed", () => storage.ClearStateAsync(StateName, grain, mine, cancellationToken));
                if (!written)
                {
                    await TryAsync("gone", "nothing is left of it", async () =>
                    {
                        await storage.ReadStateAsync(StateName, grain, stale, cancellationToken);
                        Expect(!stale.RecordExists, "It is still there.");
                    });
                }
            }

            if (written)
            {
                await RemoveAsync(storage);
            }
        }

        async Task ExpectConflictAsync(IGrainStorage storage)
        {
            try
            {
                await storage.WriteStateAsync(StateName, grain, stale, cancellationToken);
            }
            catch (InconsistentStateException)
            {
                return;
            }

            Expect(false, "A write with an ETag that is not the newest was taken: two silos could overwrite each other.");
        }

        async Task RemoveAsync(IGrainStorage storage)
        {
            try
            {
                await storage.ReadStateAsync(StateName, grain, mine, cancellationToken);
                await storage.ClearStateAsync(StateName, grain, mine, cancellationToken);
            }
            catch (Exception error) when (error is StorageException or InconsistentStateException)
            {
                // The step that failed has been told; one small state stays behind.
            }
        }

        async Task<bool> TryAsync(string step, string shown, Func<Task> action)
        {
            try
            {
                await action();
                steps.Add(new StorageStep(step, true, shown, ""));
                return true;
            }
            catch (StorageException error)
            {
                steps.Add(new StorageStep(step, false, error.Cause, error.Remedy));
            }
            catch (InconsistentStateException error)
            {
                steps.Add(new StorageStep(step, false, error.Message, "Look who else writes there: each cluster needs a store of its own."));
            }

            return false;
        }

        void Expect(bool condition, string failure)
        {
            if (!condition)
            {
                throw new StorageException(failure, "Do not use this store: it does not do what kubecop relies on.");
            }
        }
    }
}
