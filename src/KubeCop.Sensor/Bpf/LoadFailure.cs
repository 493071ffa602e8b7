using System.Text.RegularExpressions;

namespace KubeCop.Sensor.Bpf;

/// <summary>Why libbpf did not load or attach something, in a line: it says so nowhere but in what it prints.</summary>
internal static partial class LoadFailure
{
    /// <summary>The first program that could not be loaded; empty when it was no program.</summary>
    public static string ProgramOf(string log) => FailedProgram().Match(log) is { Success: true } match ? match.Groups[1].Value : "";

    /// <summary>The cause that is nearest to the kernel: a field it lacks, else what its verifier said, else libbpf's own last line.</summary>
    public static string ReasonOf(string log)
    {
        if (MissingField().Match(log) is { Success: true } missing)
        {
            return Describe(missing.Groups["what"].Value, missing.Groups["type"].Value, missing.Groups["member"].Value);
        }

        if (MissingAttachType().Match(log) is { Success: true } unknown)
        {
            return $"this kernel has no {unknown.Groups["name"].Value}";
        }

        var verifier = VerifierLog().Match(log);
        var lines = (verifier.Success ? verifier.Groups["lines"].Value : log).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.LastOrDefault(static line => !TellsNothing().IsMatch(line), "").Replace("libbpf: ", "", StringComparison.Ordinal);
    }

    private static string Describe(string what, string type, string member) => (what.StartsWith("enumval", StringComparison.Ordinal), member) switch
    {
        (true, _) => $"this kernel's {type} has no value {member}",
        (false, "") => $"this kernel has no {type}",
        (false, _) => $"this kernel's {type} has no field {member}",
    };

    [GeneratedRegex("prog '([a-z0-9_]+)': .*(?:fail|BPF program load)", RegexOptions.IgnoreCase)]
    private static partial Regex FailedProgram();

    // As bpf_core_format_spec writes it: <byte_off> [45] struct task_struct.exit_code (0:77 @ offset 2040); <enumval_value> [9] enum kind::VALUE = 3
    [GeneratedRegex(@"failed to resolve CO-RE relocation <(?<what>\w+)> \[\d+\] (?<type>(?:struct|union|enum) \w+)(?:(?:\.|::)(?<member>[\w.\[\]]+))?")]
    private static partial Regex MissingField();

    [GeneratedRegex(@"failed to find kernel BTF type ID of '(?<name>\w+)'")]
    private static partial Regex MissingAttachType();

    // The verifier's statistics, and what libbpf says after the cause: the number of the error again, and the object, which is in memory.
    [GeneratedRegex(@"^processed \d|^libbpf: (?:prog '\w+': failed to load: -|failed to load object )")]
    private static partial Regex TellsNothing();

    [GeneratedRegex("-- BEGIN PROG LOAD LOG --\n(?<lines>.*?)-- END PROG LOAD LOG --", RegexOptions.Singleline)]
    private static partial Regex VerifierLog();
}
