using System.Text;
using KubeCop.Core.Alerts;

namespace KubeCop.Core.Rules.Wording;

/// <summary>Text for commands that people paste into a shell.</summary>
internal static class ShellText
{
    /// <summary>
    /// One word of a POSIX shell that stands for exactly this text. Characters that would act on a terminal or hide are written as
    /// <c>$'\033'</c>, which bash, zsh, ksh and POSIX.1-2024 shells know.
    /// </summary>
    public static string Quote(string text)
    {
        if (text.Length > 0 && text.All(static character => char.IsAsciiLetterOrDigit(character) || "_./:=@%+,-".Contains(character)))
        {
            return text;
        }

        return TerminalText.IsPlain(text) ? $"'{text.Replace("'", @"'\''", StringComparison.Ordinal)}'" : AnsiQuote(text);
    }

    private static string AnsiQuote(string text)
    {
        var quoted = new StringBuilder("$'");
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is '\'' or '\\')
            {
                quoted.Append('\\').Append((char)rune.Value);
            }
            else if (rune.IsAscii && TerminalText.IsVisible(rune))
            {
                quoted.Append((char)rune.Value);
            }
            else
            {
                // Octal takes at most three digits, so that a digit that follows is never taken for a part of it.
                foreach (var unit in utf8[..rune.EncodeToUtf8(utf8)])
                {
                    quoted.Append('\\').Append(Convert.ToString(unit, 8).PadLeft(3, '0'));
                }
            }
        }

        return quoted.Append('\'').ToString();
    }
}
