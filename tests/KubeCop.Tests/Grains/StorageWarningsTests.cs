using KubeCop.Grains;
using KubeCop.Storage;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Grains;

public sealed class StorageWarningsTests
{
    private const string Workload = "default/Deployment/web";

    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void IsDue_RepeatedFailures_OnceAMinuteWithTheirNumber()
    {
        var warnings = new StorageWarnings(_time);

        Assert.True(warnings.IsDue(Workload, out var failures));
        Assert.Equal(1, failures);
        for (var i = 0; i < 59; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            Assert.False(warnings.IsDue(Workload, out _));
        }

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(warnings.IsDue(Workload, out failures));
        Assert.Equal(60, failures);
        Assert.False(warnings.IsDue(Workload, out _));
    }

    [Fact]
    public void ReasonOf_AStoragesFailure_IsItsOwnMessage()
    {
        var error = new InvalidOperationException("The call failed.", new StorageException("The file cannot be written.", "Free space.", new IOException("No space left on device")));
        Assert.Equal("The file cannot be written. Free space.", StorageWarnings.ReasonOf(error));
        Assert.Equal("broken", StorageWarnings.ReasonOf(new IOException("broken")));
    }

    [Fact]
    public void IsDue_AnotherWorkload_IsToldOfByItself()
    {
        var warnings = new StorageWarnings(_time);
        warnings.IsDue(Workload, out _);

        Assert.True(warnings.IsDue("default/Deployment/other", out _));
    }
}
