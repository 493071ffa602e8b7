using System.Diagnostics;
using CsCheck;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Tests.Core.Rules;

public sealed class ShellTextTests
{
    [Theory]
    [InlineData("/bin/ls", "/bin/ls")]
    [InlineData("", "''")]
    [InlineData("a b", "'a b'")]
    [InlineData("$(reboot)", "'$(reboot)'")]
    [InlineData("it's", @"'it'\''s'")]
    [InlineData("a\n'b", @"$'a\012\'b'")]
    [InlineData("\u001b[31m", @"$'\033[31m'")]
    [InlineData("\u202e", @"$'\342\200\256'")]
    [InlineData("größe", "'größe'")]
    public void Quote_Text_IsOneWord(string text, string quoted) => Assert.Equal(quoted, ShellText.Quote(text));

    [Fact]
    public void Quote_AnyText_ComesBackFromBash()
    {
        // One bash a sample of many words: each is printed with a NUL behind it.
        Gen.String[Gen.Char['\u0001', '\u2100'], 0, 40].Array[100].Sample(
            static words =>
            {
                using var bash = Process.Start(new ProcessStartInfo("bash", ["-s"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
                bash.StandardInput.Write(string.Concat(words.Select(static word => $"printf '%s\\0' {ShellText.Quote(word)}\n")));
                bash.StandardInput.Close();
                return words.SequenceEqual(bash.StandardOutput.ReadToEnd().Split('\0')[..^1]);
            },
            iter: 10,
            threads: 1);
    }

    [Fact]
    public void Quote_AnyText_IsPlainOnTerminals() =>
        Gen.String[Gen.Char, 0, 40].Sample(static text => TerminalText.IsPlain(ShellText.Quote(text)));
}
