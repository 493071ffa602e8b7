using CsCheck;
using KubeCop.Core.Alerts;

namespace KubeCop.Tests.Core.Alerts;

public sealed class TerminalTextTests
{
    [Theory]
    [InlineData("\u001b]0;owned\u0007", @"\x1b]0;owned\x07")]
    [InlineData("a\nb\r\tc", @"a\nb\r\tc")]
    [InlineData("\u009b31m", @"\x9b31m")]
    [InlineData("\u202eexe.txt", @"\u{202e}exe.txt")]
    [InlineData("\u200b\u2028\ufeff", @"\u{200b}\u{2028}\u{feff}")]
    [InlineData("a\u00a0b", @"a\xa0b")]
    [InlineData("\U000e0041", @"\u{e0041}")]
    [InlineData("\u007f", @"\x7f")]
    public void Escape_WhatActsOrHides_IsVisible(string text, string escaped) => Assert.Equal(escaped, TerminalText.Escape(text));

    // Not as inline data: attributes are stored as UTF-8, which has no half pairs.
    [Fact]
    public void Escape_HalfSurrogatePairs_AreVisible() => Assert.Equal(@"\u{d800}x\u{dc00}", TerminalText.Escape("\ud800x\udc00"));

    [Theory]
    [InlineData("/usr/bin/größe 漢字 😀 'quoted' \\ back")]
    [InlineData("")]
    public void Escape_HarmlessText_IsTheSameObject(string text) => Assert.Same(text, TerminalText.Escape(text));

    [Fact]
    public void Escape_AnyText_LeavesNothingToEscape() =>
        Gen.String[Gen.Char, 0, 50].Sample(static text => TerminalText.IsPlain(TerminalText.Escape(text)));
}
