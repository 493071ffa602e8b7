namespace KubeCop.Core.Bindings;

/// <summary>What Kubernetes takes for names and labels (k8s.io/apimachinery/pkg/util/validation).</summary>
public static class KubernetesSyntax
{
    /// <summary>The name of an object: a DNS subdomain (RFC 1123).</summary>
    public static bool IsName(string text) =>
        text.Length is > 0 and <= 253 && text.Split('.').All(static part => IsLabelText(part, part.Length, static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c), "-"));

    /// <summary>A label's key: a name, or a DNS subdomain, a slash and a name.</summary>
    public static bool IsLabelKey(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var name = text[(slash + 1)..];
        return (slash < 0 || IsName(text[..slash])) && name.Length > 0 && IsLabelValue(name);
    }

    /// <summary>A label's value, which may be empty.</summary>
    public static bool IsLabelValue(string text) => text.Length == 0 || IsLabelText(text, 63, char.IsAsciiLetterOrDigit, "-_.");

    private static bool IsLabelText(string text, int longest, Func<char, bool> isPlain, string inner) =>
        text.Length > 0 && text.Length <= longest && isPlain(text[0]) && isPlain(text[^1]) && text.All(c => isPlain(c) || inner.Contains(c, StringComparison.Ordinal));
}
