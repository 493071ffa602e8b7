using System.Reflection;
using KubeCop.Grains.Abstractions;

namespace KubeCop.Tests.Grains;

public sealed class CurrentSiloTests
{
    private readonly CurrentSilo _silo = new();

    [Fact]
    public async Task Call_NoSilo_FailsAtOnce()
    {
        await Assert.ThrowsAsync<SiloAwayException>(() => _silo.CallAsync(static _ => Task.FromResult(1)));
        Assert.Throws<SiloAwayException>(() => _silo.Grains);
    }

    [Fact]
    public async Task Call_SiloAnswers_ReturnsTheAnswerOfTheOneThatIsThere()
    {
        var (first, second) = (Factory(), Factory());
        _silo.Attach(first);
        _silo.Attach(second);

        Assert.Same(second, await _silo.CallAsync(Task.FromResult));
        Assert.Same(second, _silo.Grains);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Call_SiloEndsWithoutAnAnswer_Fails(bool isReplaced)
    {
        var silo = Factory();
        _silo.Attach(silo);
        var call = _silo.CallAsync(static _ => new TaskCompletionSource<int>().Task);
        Assert.False(call.IsCompleted, "The call has ended before its silo.");

        if (isReplaced)
        {
            _silo.Attach(Factory());
        }
        else
        {
            _silo.Detach(silo);
        }

        await Assert.ThrowsAsync<SiloAwayException>(() => call.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Detach_OneThatWasReplaced_LeavesTheNewOne()
    {
        var (first, second) = (Factory(), Factory());
        _silo.Attach(first);
        _silo.Attach(second);

        _silo.Detach(first);

        Assert.Same(second, _silo.Grains);
    }

    private static IGrainFactory Factory() => DispatchProxy.Create<IGrainFactory, NoGrains>();

    private class NoGrains : DispatchProxy
    {
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => throw new NotSupportedException();
    }
}
