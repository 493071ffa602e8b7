using System.Collections.Frozen;
using KubeCop.Core.Events;
using KubeCop.Core.Rules.Data;

namespace KubeCop.Core.Rules.Matching;

/// <summary>Shells and interpreters, and where they take their commands from. Allocates nothing.</summary>
internal static class CommandInterpreter
{
    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Names =
        RuleData.Read("command-interpreters").ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Whether an exec starts one, by its invoked path, by what that leads to, or as an applet of busybox.</summary>
    public static bool Is(in SensorEvent sensorEvent) => Is(sensorEvent.Path, sensorEvent.Executable, sensorEvent.Exec?.Arguments ?? []);

    /// <inheritdoc cref="Is(in SensorEvent)"/>
    /// <param name="path">As invoked.</param>
    /// <param name="executable">What it leads to.</param>
    /// <param name="arguments">argv.</param>
    public static bool Is(string path, string executable, IReadOnlyList<string> arguments) =>
        IsNamed(path) || IsNamed(executable) || (MultiCall.AppletIn(path, executable, arguments) is >= 0 and var applet && IsNamed(arguments[applet]));

    /// <summary>
    /// Whether it takes its commands from standard input: it is given neither commands as an argument (<c>-c</c>, <c>-e</c>, <c>-m</c>, …) nor a
    /// script's name, or is told to (<c>-s</c>, <c>-</c>).
    /// </summary>
    public static bool ReadsStandardInput(in SensorEvent sensorEvent)
    {
        if (sensorEvent.Exec is not { } exec || (sensorEvent.Flags & EventFlags.ArgumentsUnreadable) != 0)
        {
            return false;
        }

        var arguments = exec.Arguments;
        var applet = MultiCall.AppletIn(sensorEvent.Path, sensorEvent.Executable, arguments);
        var name = applet >= 0 && IsNamed(arguments[applet]) ? arguments[applet] : IsNamed(sensorEvent.Path) ? sensorEvent.Path : sensorEvent.Executable;
        var isShell = NameOf(name).EndsWith("sh", StringComparison.Ordinal);
        for (var i = Math.Max(applet, 0) + 1; i < arguments.Count; i++)
        {
            var argument = arguments[i];
            if (argument is "-" or "--")
            {
                return argument.Length == 1 || i + 1 == arguments.Count;
            }

            if (argument.Length == 0 || argument[0] is not ('-' or '+'))
            {
                return false;
            }

            switch (isShell ? OfShell(argument) : OfInterpreter(argument))
            {
                case Option.Commands:
                    return false;
                case Option.Input:
                    return true;
                case Option.WithValue:
                    i++;
                    break;
            }
        }

        return true;
    }

    // POSIX sh, and what bash adds: -O, --rcfile, --init-file.
    private static Option OfShell(string argument)
    {
        if (argument.StartsWith("--", StringComparison.Ordinal))
        {
            return argument is "--rcfile" or "--init-file" ? Option.WithValue : argument is "--command" ? Option.Commands : Option.Other;
        }

        return argument[0] == '-' && argument.Contains('c') ? Option.Commands
            : argument[0] == '-' && argument.Contains('s') ? Option.Input
            : argument[^1] is 'o' or 'O' ? Option.WithValue
            : Option.Other;
    }

    // Commands, expressions, modules and files: python -c -m, perl and ruby -e -E, php -r -f, node -e -p, lua -e.
    private static Option OfInterpreter(string argument)
    {
        if (argument.StartsWith("--", StringComparison.Ordinal))
        {
            return argument is "--eval" or "--print" or "--run" or "--file" ? Option.Commands : Option.Other;
        }

        return argument.AsSpan(1).IndexOfAny("ceEfmpr") >= 0 ? Option.Commands : Option.Other;
    }

    private static bool IsNamed(string path)
    {
        var name = NameOf(path);
        return Names.Contains(name) || Names.Contains(name.TrimEnd("0123456789.-"));
    }

    private static ReadOnlySpan<char> NameOf(string path) => path.AsSpan(path.LastIndexOf('/') + 1).TrimStart('-');

    private enum Option
    {
        Other,
        Commands,
        Input,
        WithValue,
    }
}
