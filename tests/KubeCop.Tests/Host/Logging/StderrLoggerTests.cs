using KubeCop.Host.Logging;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Host.Logging;

public sealed class StderrLoggerTests
{
    [Fact]
    public void Log_NoTerminal_OneLineWithTimeLevelAndCategory()
    {
        var error = new StringWriter();
        using var provider = new StderrLoggerProvider(error, terminal: false, statusLine: null, new FakeTimeProvider(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)));

        Log(provider, "container \x1b[31m\nforged");

        Assert.Equal(@"2026-01-02T03:04:05.000Z warn KubeCop.Test: container \x1b[31m\nforged" + Environment.NewLine, error.ToString());
    }

    private static void Log(StderrLoggerProvider provider, string message) =>
        provider.CreateLogger("KubeCop.Test").Log(LogLevel.Warning, default, message, exception: null, static (text, _) => text);
}
