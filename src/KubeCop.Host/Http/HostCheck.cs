using System.Net;
using KubeCop.Core.Workloads;
using KubeCop.Host.Configuration;
using Microsoft.Extensions.Options;

namespace KubeCop.Host.Http;

/// <summary>
/// Refuses requests for names that are not this machine's: a page in a browser may give its own name our address (DNS rebinding) and would
/// then be let to read the answers. Addresses cannot be given away like that. ASP.NET's host filter knows lists of names only.
/// </summary>
internal sealed class HostCheck(IOptions<HttpOptions> http, IOptions<NodeOptions> node)
{
    private readonly HashSet<string> _names = new(
        [.. http.Value.AllowedHosts.Select(static name => name.TrimEnd('.')), "localhost", Environment.MachineName, Dns.GetHostName(), node.Value.Name],
        StringComparer.OrdinalIgnoreCase);

    /// <exception cref="BadRequestException">The request is for another host.</exception>
    public void Require(HttpRequest request)
    {
        // Without a name it comes from no browser.
        if (request.Host.Host is { Length: > 0 } host && !IPAddress.TryParse(host, out _) && !_names.Contains(host.TrimEnd('.')))
        {
            throw new BadRequestException(
                $"The host '{host}' is not known as this machine. Use its address or its name, or add the name to {HttpOptions.Section}:{nameof(HttpOptions.AllowedHosts)} "
                + $"(variable {HttpOptions.Section.Replace(":", "__", StringComparison.Ordinal)}__{nameof(HttpOptions.AllowedHosts)}__0).",
                StatusCodes.Status421MisdirectedRequest);
        }
    }
}
