using System.Collections.Frozen;

namespace KubeCop.Core.Rules.Matching;

/// <summary>
/// Domains, each with all names below it: <c>pool.example</c> covers <c>eu.Pool.example.</c> but not <c>whirlpool.example</c>. Neither
/// case nor dots at the end of a name make a difference (RFC 4343, RFC 1034 section 3.1). Looking up allocates nothing.
/// </summary>
internal sealed class DomainSet
{
    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _domains;

    /// <exception cref="ArgumentException">One of them is no domain; the message says which.</exception>
    public DomainSet(IEnumerable<string> domains) => _domains = domains
        .Select(static domain => domain.TrimEnd('.').ToLowerInvariant() is { Length: > 0 } name && name.Split('.').All(static label => label.Length > 0)
            ? name
            : throw new ArgumentException($"'{domain}' is not a domain: expected labels with dots between them, for example pool.example.", nameof(domains)))
        .ToFrozenSet(StringComparer.OrdinalIgnoreCase)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    public bool Covers(string name) => Find(name) is not null;

    /// <returns>The longest domain of the set that is the name or above it, in lower case without a dot at its end; null when there is none.</returns>
    public string? Find(string name)
    {
        var rest = name.AsSpan().TrimEnd('.');
        while (true)
        {
            if (_domains.TryGetValue(rest, out var domain))
            {
                return domain;
            }

            var dot = rest.IndexOf('.');
            if (dot < 0)
            {
                return null;
            }

            rest = rest[(dot + 1)..];
        }
    }
}
