using KubeCop.Core.Profiles;
using KubeCop.Grains;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace KubeCop.Cluster.Tests.Grains;

public sealed class LearningOptionsTests
{
    [Theory]
    [InlineData(0.5, 10, "Period")]
    [InlineData(1, 0, "MaxEntriesPerKind")]
    public async Task Start_NonsenseLearningOptions_SaysWhatIsWrong(double seconds, int entries, string named)
    {
        using var host = new HostBuilder()
            .UseOrleans(silo =>
            {
                silo.UseLocalhostClustering().AddKubeCopGrains();
                silo.Services.Configure<LearningOptions>(options => (options.Period, options.MaxEntriesPerKind) = (TimeSpan.FromSeconds(seconds), entries));
            })
            .Build();

        var failure = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.Contains(named, failure.Message);
    }
}
