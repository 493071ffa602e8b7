namespace KubeCop.Exporters.Syslog;

/// <summary>Brings messages to a syslog server.</summary>
internal interface ISyslogTransport : IDisposable
{
    /// <summary>Sends messages in their order.</summary>
    /// <param name="sent">Told how many were handed over so far.</param>
    /// <returns>What is known of their arrival, for people.</returns>
    /// <exception cref="IOException">The server, or the way to it, is away.</exception>
    /// <exception cref="System.Net.Sockets.SocketException">As before.</exception>
    /// <exception cref="System.Security.Authentication.AuthenticationException">One of the two does not trust the other.</exception>
    /// <exception cref="TimeoutException">Its machine did not acknowledge what was sent.</exception>
    string Send(IReadOnlyList<byte[]> messages, Action<int> sent, CancellationToken cancellationToken);

    /// <summary>After a failure: begins anew with the next messages.</summary>
    void Reset();
}
