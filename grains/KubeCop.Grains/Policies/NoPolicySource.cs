using System.Runtime.CompilerServices;
using KubeCop.Core.Bindings;

namespace KubeCop.Grains.Policies;

/// <summary>Of a silo without an API server. The policy grain should not get there, and says so when it does.</summary>
internal sealed class NoPolicySource : IPolicySource
{
    public async IAsyncEnumerable<PolicyReport> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        yield return new PolicyReport(null, "The silo that is to follow the API server has none: KubeCop:Kubernetes has to be the same on all nodes.");
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }
}
