using KubeCop.Testing;
using KubeCop.Testing.Containers;

namespace KubeCop.Node.Tests.Attacks;

/// <summary>The attack simulator (tools/simulator), as tests run it.</summary>
internal static class Simulator
{
    public const string Program = "/bin/attack";

    /// <summary>Where the image of the tests lets it put its files.</summary>
    public const string Directory = "/kubecop-attack";

    /// <summary>What it can do, by its own word.</summary>
    public static async Task<IReadOnlyList<string>> ListAsync()
    {
        var table = await Commands.RunAsync(BusyboxImage.Attack, "list", "--markdown");
        return [.. table.Split('\n').Where(static line => line.StartsWith("| `", StringComparison.Ordinal)).Select(static line => line.Split('`')[1])];
    }

    /// <summary>The rule a scenario sets off.</summary>
    public static string RuleOf(string scenario) => scenario.Split('-')[0];
}
