using KubeCop.Sensor.Privileges;

namespace KubeCop.Tests.Sensor.Privileges;

public sealed class ThreadPrivilegesTests
{
    private const ulong Bpf = 1UL << 39;

    [Fact]
    public void Parse_Status_HasItsMasks()
    {
        var thread = ThreadPrivileges.Parse(Status("0000008000000000", "0000008000000000", "0000000000000000", "1").Prepend("Name:\t.NET Timer"));
        Assert.Equal((".NET Timer", Bpf, Bpf, 0UL, true), (thread.Name, thread.Permitted, thread.Effective, thread.Ambient, thread.NoNewPrivileges));
    }

    [Theory]
    [InlineData(true, "0000008000000000", "0000008000000000", "0000000000000000", "1")]
    [InlineData(true, "0000000000000000", "0000000000000000", "0000000000000000", "1")]
    [InlineData(false, "0000008000000001", "0000008000000000", "0000000000000000", "1")] // one too many that it could get back
    [InlineData(false, "0000008000000000", "0000008000000001", "0000000000000000", "1")] // one that a program could get
    [InlineData(false, "0000008000000000", "0000008000000000", "0000008000000000", "1")] // one that a program gets
    [InlineData(false, "0000008000000000", "0000008000000000", "0000000000000000", "0")]
    public void IsWithin_WhatIsKept_NothingElseInAnySet(bool expected, string permitted, string bounding, string ambient, string noNewPrivileges) =>
        Assert.Equal(expected, ThreadPrivileges.Parse(Status(permitted, bounding, ambient, noNewPrivileges)).IsWithin(Bpf, Bpf));

    [Fact]
    public void Without_OnThisThread_HasNothingMeanwhileAndAllAfterwards()
    {
        var before = ThreadPrivileges.Current().Effective;
        Assert.Equal(0UL, ThreadCapabilities.Without(static () => ThreadPrivileges.Current().Effective));
        Assert.Equal(before, ThreadPrivileges.Current().Effective);
    }

    private static IEnumerable<string> Status(string permitted, string bounding, string ambient, string noNewPrivileges) =>
    [
        "SigPnd:\t0000000000000000", "CapInh:\t0000000000000000", $"CapPrm:\t{permitted}", "CapEff:\t0000000000000000", $"CapBnd:\t{bounding}", $"CapAmb:\t{ambient}",
        $"NoNewPrivs:\t{noNewPrivileges}",
    ];
}
