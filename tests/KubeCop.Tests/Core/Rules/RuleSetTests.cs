using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Signatures;

namespace KubeCop.Tests.Core.Rules;

public sealed class RuleSetTests
{
    private static readonly BoundRule Covered = new(MiningPortConnection.Type.Create(RuleArguments.Default), Severity.Low);
    private static readonly BoundRule Covering = new(new OtherRule("R1007"), Severity.High);

    [Fact]
    public void CoveredRule_BesideTheOneThatCoversIt_IsBoundButJudgesNothing()
    {
        var set = new RuleSet([Covered, Covering]);
        Assert.Equal(["R1009", "R1007"], set.Rules.Select(static bound => bound.Rule.Descriptor.Id));
        Assert.Equal(["R1007"], set.InForce.Select(static bound => bound.Rule.Descriptor.Id));
        Assert.Equal(["R1007"], Ids(set.For(EventKind.Network)));
        Assert.Equal(["R1007"], Ids(set.Signatures(EventKind.Network)));
        Assert.Equal(["R1007"], Ids(set.ForContainer(null).Signatures(EventKind.Network)));
    }

    [Fact]
    public void CoveredRule_BesideOthers_Judges()
    {
        Assert.Equal(["R1009"], Ids(new RuleSet([Covered]).Signatures(EventKind.Network)));
        Assert.Equal(["R1009", "R1006"], Ids(new RuleSet([Covered, new BoundRule(new OtherRule("R1006"), Severity.High)]).Signatures(EventKind.Network)));
    }

    private static string[] Ids(ReadOnlySpan<BoundRule> rules) => [.. rules.ToArray().Select(static bound => bound.Rule.Descriptor.Id)];

    private sealed class OtherRule(string id) : IRule
    {
        public RuleDescriptor Descriptor { get; } = MiningPortConnection.Type.Descriptor with { Id = id, CoveredBy = null };

        public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) => null;
    }
}
