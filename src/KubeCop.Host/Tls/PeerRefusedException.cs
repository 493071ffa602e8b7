using Microsoft.AspNetCore.Connections;

namespace KubeCop.Host.Tls;

/// <summary>No connection with another silo, because of TLS. <see cref="PeerRefusals"/> has been told.</summary>
internal sealed class PeerRefusedException(string message) : ConnectionAbortedException(message);
