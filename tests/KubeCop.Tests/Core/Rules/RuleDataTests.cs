using KubeCop.Core.Rules.Data;
using KubeCop.Core.Rules.Matching;

namespace KubeCop.Tests.Core.Rules;

public sealed class RuleDataTests
{
    public static TheoryData<string> Lists =>
        [.. Directory.GetFiles(Repository.PathOf("src/KubeCop.Core/Rules/Data"), "*.txt").Select(static file => Path.GetFileNameWithoutExtension(file))];

    [Theory]
    [MemberData(nameof(Lists))]
    public void List_NamesItsSource_AndHasEachEntryOnce(string name)
    {
        var lines = File.ReadAllLines(Repository.PathOf($"src/KubeCop.Core/Rules/Data/{name}.txt"));
        Assert.Contains(lines, static line => line.StartsWith("# Source: ", StringComparison.Ordinal));

        var entries = RuleData.Read(name);
        Assert.NotEmpty(entries);
        Assert.All(entries, static entry => Assert.Equal(entry.Trim(), entry));
        Assert.Equal(entries.Count, entries.Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.Equal(lines.Count(static line => line.Length > 0 && line[0] != '#'), entries.Count);
    }

    [Fact]
    public void MinerPools_AreThoseOfKubeCopAndItsSuccessor()
    {
        var pools = RuleData.Read("miner-pools");
        Assert.Equal(108, pools.Count);
        var domains = new DomainSet(pools);
        Assert.All(["zergpool.com", "xmr.pool.minergate.com", "xmr.kryptex.network", "auto.c3pool.org"], name => Assert.True(domains.Covers(name), name));
    }

    [Fact]
    public void Read_UnknownList_SaysWhere() =>
        Assert.Contains("'nowhere'", Assert.Throws<ArgumentException>(() => RuleData.Read("nowhere")).Message, StringComparison.Ordinal);
}
