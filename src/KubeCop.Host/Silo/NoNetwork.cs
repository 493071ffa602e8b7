using System.Net;
using Microsoft.AspNetCore.Connections;

namespace KubeCop.Host.Silo;

/// <summary>
/// The network of a silo that runs alone: there is none. Whoever can reach a silo's port can call its grains, and on loopback that is every process of
/// the machine and every pod with <c>hostNetwork</c>. Its own grains are called within the process.
/// </summary>
internal sealed class NoNetwork : IConnectionListenerFactory, IConnectionFactory
{
    /// <summary>Takes the place of every transport that was added before.</summary>
    /// <exception cref="InvalidOperationException">This version of Orleans has none that could be replaced, so it would listen.</exception>
    public static void AddTo(IServiceCollection services)
    {
        var transports = services
            .Where(static service => service.IsKeyedService && (service.ServiceType == typeof(IConnectionListenerFactory) || service.ServiceType == typeof(IConnectionFactory)))
            .ToList();
        if (!transports.Exists(static transport => transport.ServiceType == typeof(IConnectionListenerFactory)))
        {
            throw new InvalidOperationException("Orleans has no transport that could be taken from a silo that runs alone.");
        }

        foreach (var transport in transports)
        {
            services.Remove(transport);
            services.AddKeyedSingleton(transport.ServiceType, transport.ServiceKey, new NoNetwork());
        }
    }

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => ValueTask.FromResult<IConnectionListener>(new Listener(endpoint));

    public ValueTask<ConnectionContext> ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        ValueTask.FromException<ConnectionContext>(new ConnectionAbortedException($"A silo that runs alone connects to nobody, and not to {endpoint}."));

    /// <summary>Nobody ever comes.</summary>
    private sealed class Listener(EndPoint endpoint) : IConnectionListener
    {
        private readonly TaskCompletionSource<ConnectionContext?> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EndPoint EndPoint => endpoint;

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) => new(_end.Task.WaitAsync(cancellationToken));

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _end.TrySetResult(null);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
