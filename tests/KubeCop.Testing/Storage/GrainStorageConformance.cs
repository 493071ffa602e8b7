using Orleans.Storage;
using Xunit;

namespace KubeCop.Testing.Storage;

/// <summary>What every grain storage provider must do; a provider's test class derives from it and says how to open one.</summary>
public abstract class GrainStorageConformance
{
    private const string StateName = "profile";

    public sealed record Sample
    {
        public string Text { get; init; } = "";

        public int Number { get; init; }
    }

    /// <summary>Opens the provider on the same stored data each time, as a restarted silo does.</summary>
    protected abstract ValueTask<IGrainStorage> OpenAsync();

    /// <summary>An ETag in the provider's form that no record has.</summary>
    protected virtual string ForeignEtag => Guid.NewGuid().ToString("N");

    /// <summary>Whether the provider can hold this key at all; those it cannot it must refuse, which its own tests show.</summary>
    protected virtual bool CanHold(string key) => true;

    [Fact]
    public async Task Read_OfNothing_GivesANewState()
    {
        var read = await ReadAsync(await OpenAsync(), NewGrain());
        Assert.False(read.RecordExists);
        Assert.Null(read.ETag);
        Assert.Equal(new Sample(), read.State);
    }

    [Fact]
    public async Task Write_ThenRead_GivesTheStateAndItsEtag()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        var written = await WriteNewAsync(storage, grain, "Привет, ⋯\n\0");
        Assert.True(written.RecordExists);
        Assert.False(string.IsNullOrEmpty(written.ETag));

        var read = await ReadAsync(storage, grain);
        Assert.Equal(written.State, read.State);
        Assert.Equal(written.ETag, read.ETag);
        Assert.True(read.RecordExists);
    }

    [Fact]
    public async Task Write_ThenReopen_StillHasTheState()
    {
        var grain = NewGrain();
        var written = await WriteNewAsync(await OpenAsync(), grain, "kept");
        var read = await ReadAsync(await OpenAsync(), grain);
        Assert.Equal(written.State, read.State);
        Assert.Equal(written.ETag, read.ETag);
    }

    [Fact]
    public async Task Write_EachTime_ChangesTheEtag()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        var state = await WriteNewAsync(storage, grain, "same");
        var etags = new HashSet<string?> { state.ETag };
        for (var round = 0; round < 5; round++)
        {
            await storage.WriteStateAsync(StateName, grain, state);
            Assert.True(etags.Add(state.ETag), $"The ETag {state.ETag} came twice.");
        }
    }

    [Fact]
    public async Task Write_WithoutEtagOverARecord_IsInconsistentAndChangesNothing()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        await WriteNewAsync(storage, grain, "first");
        await Assert.ThrowsAsync<InconsistentStateException>(() => WriteNewAsync(storage, grain, "second"));
        Assert.Equal("first", (await ReadAsync(storage, grain)).State!.Text);
    }

    [Fact]
    public async Task Write_WithAStaleEtag_IsInconsistentAndChangesNothing()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        var state = await WriteNewAsync(storage, grain, "first");
        var stale = new GrainState<Sample> { State = new Sample { Text = "stale" }, ETag = state.ETag, RecordExists = true };
        state.State = new Sample { Text = "second" };
        await storage.WriteStateAsync(StateName, grain, state);

        var etag = stale.ETag;
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync(StateName, grain, stale));
        Assert.Equal(etag, stale.ETag);
        Assert.Equal("second", (await ReadAsync(storage, grain)).State!.Text);
    }

    [Fact]
    public async Task Write_WithAnEtagButNoRecord_IsInconsistent()
    {
        var storage = await OpenAsync();
        var state = new GrainState<Sample> { State = new Sample(), ETag = ForeignEtag, RecordExists = true };
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync(StateName, NewGrain(), state));
    }

    [Fact]
    public async Task Clear_ThenRead_GivesANewState()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        var state = await WriteNewAsync(storage, grain, "gone");
        var written = state.ETag;
        await storage.ClearStateAsync(StateName, grain, state);
        Assert.False(state.RecordExists);
        Assert.NotEqual(written, state.ETag);
        Assert.Equal(new Sample(), state.State);

        var read = await ReadAsync(storage, grain);
        Assert.False(read.RecordExists);
        Assert.Equal(new Sample(), read.State);
    }

    [Fact]
    public async Task Clear_WithAStaleEtag_IsInconsistentAndChangesNothing()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        var state = await WriteNewAsync(storage, grain, "first");
        var stale = new GrainState<Sample> { State = new Sample(), ETag = state.ETag, RecordExists = true };
        await storage.WriteStateAsync(StateName, grain, state);
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync(StateName, grain, stale));
        Assert.Equal("first", (await ReadAsync(storage, grain)).State!.Text);
    }

    [Fact]
    public async Task Clear_OfNothing_Succeeds()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        var state = await ReadAsync(storage, grain);
        await storage.ClearStateAsync(StateName, grain, state);
        Assert.False(state.RecordExists);
    }

    [Fact]
    public async Task Write_AfterClear_IsANewRecordThatOldEtagsDoNotFit()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        var state = await WriteNewAsync(storage, grain, "old");
        var old = new GrainState<Sample> { State = new Sample { Text = "ghost" }, ETag = state.ETag, RecordExists = true };
        await storage.ClearStateAsync(StateName, grain, state);
        state.State = new Sample { Text = "new" };
        await storage.WriteStateAsync(StateName, grain, state);

        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync(StateName, grain, old));
        Assert.Equal("new", (await ReadAsync(storage, grain)).State!.Text);
    }

    [Fact]
    public async Task Write_ByManyAtOnce_LetsExactlyOneOfEachRoundWin()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        await WriteNewAsync(storage, grain, "start");
        for (var round = 1; round <= 10; round++)
        {
            var before = await ReadAsync(storage, grain);
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
            {
                var mine = new GrainState<Sample> { State = new Sample { Number = round, Text = $"{writer}" }, ETag = before.ETag, RecordExists = true };
                try
                {
                    await storage.WriteStateAsync(StateName, grain, mine);
                    return mine;
                }
                catch (InconsistentStateException)
                {
                    return null;
                }
            })));
            var winner = Assert.Single(outcomes, static outcome => outcome is not null);
            var stored = await ReadAsync(storage, grain);
            Assert.Equal(winner!.State, stored.State);
            Assert.Equal(winner.ETag, stored.ETag);
        }
    }

    [Fact]
    public async Task Write_OfManyGrainsAtOnce_KeepsThemApart()
    {
        var storage = await OpenAsync();
        var grains = Enumerable.Range(0, 100).Select(_ => NewGrain()).ToArray();
        await Parallel.ForAsync(0, grains.Length, async (index, _) =>
        {
            var state = await WriteNewAsync(storage, grains[index], "");
            for (var round = 0; round < 3; round++)
            {
                state.State = new Sample { Number = index, Text = $"{round}" };
                await storage.WriteStateAsync(StateName, grains[index], state);
            }
        });
        for (var index = 0; index < grains.Length; index++)
        {
            Assert.Equal(new Sample { Number = index, Text = "2" }, (await ReadAsync(storage, grains[index])).State);
        }
    }

    [Fact]
    public async Task Write_OfTwoStatesOfOneGrain_KeepsThemApart()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        await WriteNewAsync(storage, grain, "profile");
        var other = new GrainState<Sample> { State = new Sample { Text = "other" } };
        await storage.WriteStateAsync("other", grain, other);
        Assert.Equal("profile", (await ReadAsync(storage, grain)).State!.Text);
    }

    /// <summary>Keys are container names and other people's text: none may hit another's record or leave the provider's place.</summary>
    [Fact]
    public async Task Write_OfHostileKeys_KeepsThemApart()
    {
        var storage = await OpenAsync();
        var root = Guid.NewGuid().ToString("N");
        string[] keys =
        [
            root, $"../{root}", $"/{root}", $"{root}/..", $"{root}/.", $"{root}%2F..", $"{root}%252F..", $"{root}@profile", $"{root}~", $"{root}\0", $"{root}\n",
            $"{root} ", $"{root}.state", $"{root}.state.tmp", $"{root}*", $"{root}⋯", $"{root}é", $"{root}e\u0301", root.ToUpperInvariant(), $"{root}\\..\\x",
            root + new string('b', 200 - root.Length),
            root + new string('a', 1000), root + new string('a', 1001), root + new string('/', 300), root + new string('/', 301), root + new string('⋯', 200),
        ];
        foreach (var key in keys.Where(CanHold))
        {
            await WriteNewAsync(storage, GrainId.Create("workload", key), key);
        }

        foreach (var key in keys.Where(CanHold))
        {
            Assert.Equal(key, (await ReadAsync(storage, GrainId.Create("workload", key))).State!.Text);
        }
    }

    [Fact]
    public async Task Write_OfALargeState_KeepsAllOfIt()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();

        // Hardly to be compressed, so that it stays large on every way.
        var text = Convert.ToBase64String(Enumerable.Range(0, 3 * 1024 * 1024).Select(static number => (byte)((uint)(number * 2654435761L) >> 13)).ToArray());
        var written = await WriteNewAsync(storage, grain, text);
        var read = await ReadAsync(storage, grain);
        Assert.True(text == read.State!.Text, $"Of {text.Length} characters came back {read.State.Text.Length}, or others.");
        Assert.Equal(written.ETag, read.ETag);
    }

    [Fact]
    public async Task Write_Canceled_LeavesTheStateAsItWasOrWritten()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        var state = await WriteNewAsync(storage, grain, "before");
        state.State = new Sample { Text = "after" };
        using var canceled = new CancellationTokenSource();
        await canceled.CancelAsync();
        try
        {
            await storage.WriteStateAsync(StateName, grain, state, canceled.Token);
        }
        catch (OperationCanceledException)
        {
            Assert.Equal("before", (await ReadAsync(storage, grain)).State!.Text);
            return;
        }

        Assert.Equal("after", (await ReadAsync(storage, grain)).State!.Text);
    }

    protected static GrainId NewGrain() => GrainId.Create("workload", $"default/Deployment/{Guid.NewGuid():N}");

    protected static async Task<GrainState<Sample>> ReadAsync(IGrainStorage storage, GrainId grain)
    {
        var state = new GrainState<Sample> { State = new Sample { Text = "unread" } };
        await storage.ReadStateAsync(StateName, grain, state);
        return state;
    }

    /// <summary>Writes as a grain does that has found nothing.</summary>
    protected static async Task<GrainState<Sample>> WriteNewAsync(IGrainStorage storage, GrainId grain, string text)
    {
        var state = new GrainState<Sample> { State = new Sample { Text = text } };
        await storage.WriteStateAsync(StateName, grain, state);
        return state;
    }
}
