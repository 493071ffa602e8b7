using System.Globalization;
using KubeCop.Core.Alerts;

namespace KubeCop.Core.Bindings;

/// <summary>Why a set of bindings is refused.</summary>
/// <param name="Source">The file.</param>
/// <param name="Line">0 when it concerns no line.</param>
/// <param name="Binding">Its name; empty when it is not known.</param>
/// <param name="Field">The path, as <c>spec.rules[3].ruleID</c>; empty when it concerns no field.</param>
/// <param name="Message">What is wrong and what is accepted.</param>
public sealed record BindingError(string Source, int Line, string Binding, string Field, string Message)
{
    private const int MaxQuoted = 100;

    /// <summary>As somebody wrote it, at a length that can be read.</summary>
    public static string Quote(string given) => given.Length <= MaxQuoted ? $"'{given}'" : $"'{given.AsSpan(0, MaxQuoted)}…'";

    /// <summary>One line, safe to show.</summary>
    public override string ToString()
    {
        var place = Line > 0 ? string.Create(CultureInfo.InvariantCulture, $"{Source}:{Line}") : Source;
        var what = string.Join(", ", new[] { Binding.Length > 0 ? $"binding {Binding}" : "", Field }.Where(static part => part.Length > 0));
        return TerminalText.Escape(what.Length > 0 ? $"{place}: {what}: {Message}" : $"{place}: {Message}");
    }
}

/// <summary>A set of bindings cannot be used; nothing of it is.</summary>
public sealed class BindingsRefusedException(IReadOnlyList<BindingError> errors) : Exception(string.Join('\n', errors))
{
    /// <summary>At least one.</summary>
    public IReadOnlyList<BindingError> Errors { get; } = errors;
}
