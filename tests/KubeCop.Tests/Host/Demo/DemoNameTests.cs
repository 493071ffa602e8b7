using KubeCop.Host.Demo;

namespace KubeCop.Tests.Host.Demo;

public sealed class DemoNameTests
{
    [Fact]
    public void IsStale_OfALivingProcess_No() => Assert.False(DemoName.IsStale(DemoName.OfThisProcess()));

    [Theory]
    [InlineData("kubecop-demo-4194304-1")]
    public void IsStale_OfAProcessThatHasEnded_Yes(string name) => Assert.True(DemoName.IsStale(name));

    [Fact]
    public void IsStale_PidUsedAgainBySomebodyElse_Yes() => Assert.True(DemoName.IsStale($"{DemoName.Prefix}{Environment.ProcessId}-1"));

    [Theory]
    [InlineData("kubecop-demo-")]
    [InlineData("kubecop-demo-tmp")]
    [InlineData("kubecop-demo-1-2-3")]
    [InlineData("somebody-elses")]
    [InlineData("kubecop-demo-999999999999-1")]
    public void IsStale_NotOurs_No(string name) => Assert.False(DemoName.IsStale(name));
}
