using KubeCop.Host.Logging;
using KubeCop.Host.Tls;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Host.Logging;

public sealed class RefusedPeersLoggerTests
{
    private const string Connections = "Orleans.Runtime.Messaging.ConnectionManager";
    private const string Membership = "Orleans.Runtime.MembershipService.MembershipAgent";

    private readonly StringWriter _error = new();

    private static Exception Refusal => new InvalidOperationException("Unable to connect.", new PeerRefusedException("The certificate of 10.0.0.2 has expired."));

    [Theory]
    [InlineData(Connections)]
    [InlineData("Orleans.Runtime.GrainDirectory.GrainDirectoryHandoffManager")]
    public void Log_ConnectionThatTlsRefused_IsLeftToOurOwnWords(string category)
    {
        Log(category, Refusal);

        Assert.Empty(_error.ToString());
    }

    /// <summary>Orleans rejects what it could not send with the text of the reason, stack and all; and what comes within a second of that with less.</summary>
    [Fact]
    public void Log_WhatFollowsFromARefusal_IsOneLine()
    {
        Log(Membership, new TimeoutException($"Exception while sending message: {Refusal}"));
        Log(Membership, new TimeoutException("Exception while sending message: Orleans.Runtime.Messaging.ConnectionFailedException: Unable to connect, will retry after 744ms\n   at somewhere"));

        var line = $"2000-01-01T00:00:00.000Z warn {Membership}: it failed{Environment.NewLine}";
        Assert.Equal(line + line, _error.ToString());
    }

    [Theory]
    [InlineData(Connections)]
    [InlineData(Membership)]
    public void Log_AnotherFailure_HasItsStack(string category)
    {
        Log(category, new InvalidOperationException("Unable to connect.", new IOException("The cable is out.")));

        Assert.Contains("it failed", _error.ToString(), StringComparison.Ordinal);
        Assert.Contains("The cable is out.", _error.ToString(), StringComparison.Ordinal);
    }

    private void Log(string category, Exception exception)
    {
        using var provider = new RefusedPeersLoggerProvider(new StderrLoggerProvider(_error, terminal: false, statusLine: null, new FakeTimeProvider()));
        provider.CreateLogger(category).Log(LogLevel.Warning, default, "it failed", exception, static (text, _) => text);
    }
}
