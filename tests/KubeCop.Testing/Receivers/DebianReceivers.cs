using Xunit;

namespace KubeCop.Testing.Receivers;

/// <summary>What tools/test has unpacked of Debian's packages.</summary>
public static class DebianReceivers
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../receivers"));

    /// <summary>What the programs need in their environment to find their libraries.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>
    {
        ["LD_LIBRARY_PATH"] = string.Join(':', new[] { "usr/lib/syslog-ng", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu" }.Select(PathOf)),
    };

    /// <summary>Where a file of theirs is.</summary>
    /// <param name="path">From the root of the file system, without a first slash.</param>
    public static string PathOf(string path) => Path.Combine(Root, path);

    /// <summary>Skips the test, saying why, where they could not be had.</summary>
    public static void SkipWithout() => Assert.SkipWhen(!File.Exists(PathOf("made")), "needs receivers of Debian in artifacts/; tools/test fetches them");
}
