using KubeCop.Testing.Docs;

namespace KubeCop.Tests.Docs;

/// <summary>What holds the pages to what commands write.</summary>
public sealed class ExpectedOutputTests
{
    [Theory]
    [InlineData("a b", "a   b\n")]
    [InlineData("a …", "a b c\n")]
    [InlineData("a…", "a\n")]
    [InlineData("a\n…\nz", "a\nz\n")]
    [InlineData("a\n…\nz", "a\nb\nc\nz\n")]
    [InlineData("…\nb (1)\n…", "a\n\nb (1)\n")]
    [InlineData("", "whatever\n")]
    public void Matches_WhatThePageShows_True(string expected, string actual) => Assert.True(ExpectedOutput.Matches(expected.Split('\n'), actual));

    [Theory]
    [InlineData("a b", "ab\n")]
    [InlineData("a", "a\nb\n")]
    [InlineData("b", "a\nb\n")]
    [InlineData("a …", "a\n")]
    [InlineData("a…z", "a\nz\n")]
    [InlineData("…\nb (.)\n…", "b (1)\n")]
    [InlineData("a", "")]
    public void Matches_SomethingElse_False(string expected, string actual) => Assert.False(ExpectedOutput.Matches(expected.Split('\n'), actual));
}
