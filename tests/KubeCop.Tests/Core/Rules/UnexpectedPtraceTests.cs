using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Signatures;

namespace KubeCop.Tests.Core.Rules;

public sealed class UnexpectedPtraceTests
{
    private static readonly IRule Rule = UnexpectedPtrace.Type.Create(RuleArguments.Default);

    [Theory]
    [InlineData("PTRACE_ATTACH", 7u, "p10 traces process 7 (PTRACE_ATTACH)", "p10 traces")]
    [InlineData("PTRACE_SEIZE", 8u, "p10 traces process 8 (PTRACE_SEIZE)", "p10 traces")]
    [InlineData("PTRACE_POKETEXT", 7u, "p10 changes process 7 (PTRACE_POKETEXT)", "p10 changes")]
    [InlineData("PTRACE_SETREGSET", 7u, "p10 changes process 7 (PTRACE_SETREGSET)", "p10 changes")]
    [InlineData("PTRACE_TRACEME", 0u, "p10 lets itself be traced (PTRACE_TRACEME)", "p10 lets itself be traced")]
    public void Ptrace_SaysWhoDoesWhatToWhom(string request, uint target, string deed, string subject)
    {
        var finding = Evaluate(Ptrace(request, target));
        Assert.Equal((subject, $"Unexpected Ptrace Syscall Usage: {deed}"), (finding?.Subject, finding?.Message));
    }

    [Fact]
    public void Ptrace_ThatIsRefused_IsAnotherSubject()
    {
        var refused = Evaluate(Sample.Refused(Ptrace("PTRACE_ATTACH", 7), error: 1));
        Assert.Equal("p10 traces (refused)", refused?.Subject);
        Assert.EndsWith("it was refused (EPERM)", refused!.Message, StringComparison.Ordinal);
    }

    private static SensorEvent Ptrace(string request, uint target) => Sample.Event(EventKind.Ptrace, details: new PtraceDetails(request, target));

    private static Finding? Evaluate(SensorEvent sensorEvent) => Rule.Evaluate(sensorEvent, new RuleContext(Sample.Container, null));
}
