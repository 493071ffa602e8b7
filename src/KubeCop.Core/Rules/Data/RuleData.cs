namespace KubeCop.Core.Rules.Data;

/// <summary>The lists that rules compare with: text files of this folder, one entry a line, <c>#</c> before comments such as where it is from.</summary>
internal static class RuleData
{
    /// <param name="name">Of the list, for example <c>miner-pools</c>.</param>
    /// <exception cref="ArgumentException">There is no such list.</exception>
    public static IReadOnlyList<string> Read(string name)
    {
        using var stream = typeof(RuleData).Assembly.GetManifestResourceStream(typeof(RuleData), $"{name}.txt")
            ?? throw new ArgumentException($"There is no list '{name}' in src/KubeCop.Core/Rules/Data.", nameof(name));
        using var reader = new StreamReader(stream);
        var entries = new List<string>();
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0 && line[0] != '#')
            {
                entries.Add(line);
            }
        }

        return entries;
    }
}
