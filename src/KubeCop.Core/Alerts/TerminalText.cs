using System.Buffers;
using System.Globalization;
using System.Text;

namespace KubeCop.Core.Alerts;

/// <summary>Makes text from containers safe to show: paths and arguments are chosen by whoever attacks.</summary>
public static class TerminalText
{
    /// <summary>
    /// The text with everything that would act on a terminal, hide or reorder written visibly: <c>\n</c>, <c>\r</c>, <c>\t</c>,
    /// <c>\x1b</c> for other control characters, <c>\u{202e}</c> for the rest (direction overrides, invisible and unassigned characters,
    /// foreign spaces, halves of surrogate pairs). A backslash stays one, so that commands can still be pasted.
    /// </summary>
    /// <returns>The same object when there is nothing to escape.</returns>
    public static string Escape(string text)
    {
        if (IsPlain(text))
        {
            return text;
        }

        var safe = new StringBuilder(text.Length + 16);
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            var status = Rune.DecodeFromUtf16(rest, out var rune, out var length);
            if (status == OperationStatus.Done && IsVisible(rune))
            {
                safe.Append(rest[..length]);
            }
            else
            {
                AppendEscaped(safe, status == OperationStatus.Done ? rune.Value : rest[0]);
            }

            rest = rest[length..];
        }

        return safe.ToString();
    }

    /// <summary>Whether <see cref="Escape"/> leaves the text as it is.</summary>
    internal static bool IsPlain(string text)
    {
        for (var rest = text.AsSpan(); !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out var rune, out var length) != OperationStatus.Done || !IsVisible(rune))
            {
                return false;
            }

            rest = rest[length..];
        }

        return true;
    }

    internal static bool IsVisible(Rune rune) =>
        rune.IsAscii
            ? rune.Value is >= ' ' and < 0x7f
            : Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
                or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    private static void AppendEscaped(StringBuilder text, int value)
    {
        switch (value)
        {
            case '\n':
                text.Append(@"\n");
                break;
            case '\r':
                text.Append(@"\r");
                break;
            case '\t':
                text.Append(@"\t");
                break;
            case < 0x100:
                text.Append(CultureInfo.InvariantCulture, $@"\x{value:x2}");
                break;
            default:
                text.Append(CultureInfo.InvariantCulture, $@"\u{{{value:x}}}");
                break;
        }
    }
}
