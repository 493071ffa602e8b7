using KubeCop.Host.Silo;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Host.Silo;

public sealed class DashboardCountersTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _calls = [];
    private readonly DashboardCounters _counters;

    public DashboardCountersTests()
    {
        var silo = new ServiceCollection().AddSingleton<TimeProvider>(_time).AddSingleton(_calls).AddSingleton<Collector>().BuildServiceProvider();
        _counters = new DashboardCounters(silo, typeof(Collector));
    }

    public ValueTask DisposeAsync() => _counters.DisposeAsync();

    [Fact]
    public async Task Counters_AreCollectedFromTheFirstLookToAMinuteAfterTheLast()
    {
        await _counters.StartAsync(TestContext.Current.CancellationToken);
        Assert.False(_counters.AreCollected);
        Assert.Equal(["dispose"], _calls);
        _calls.Clear();

        await LookAsync();
        _time.Advance(TimeSpan.FromSeconds(50));
        await LookAsync();
        _time.Advance(TimeSpan.FromSeconds(50));
        Assert.True(_counters.AreCollected);
        Assert.Equal(["start"], _calls);

        _time.Advance(TimeSpan.FromSeconds(20));
        Assert.False(_counters.AreCollected);
        Assert.Equal(["start", "dispose"], _calls);

        await LookAsync();
        Assert.Equal(["start", "dispose", "start"], _calls);
    }

    [Fact]
    public async Task Stop_EndsTheCollection()
    {
        await LookAsync();
        await _counters.StopAsync(TestContext.Current.CancellationToken);
        Assert.False(_counters.AreCollected);
        Assert.Equal(["start", "dispose"], _calls);
    }

    private Task LookAsync() => _counters.LookAsync(TestContext.Current.CancellationToken);

    private sealed class Collector(List<string> calls) : ILifecycleParticipant<ISiloLifecycle>, IAsyncDisposable
    {
        public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe("collector", ServiceLifecycleStage.Active, OnStart);

        public ValueTask DisposeAsync()
        {
            calls.Add("dispose");
            return ValueTask.CompletedTask;
        }

        private Task OnStart(CancellationToken cancellationToken)
        {
            calls.Add("start");
            return Task.CompletedTask;
        }
    }
}
