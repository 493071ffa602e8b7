namespace KubeCop.Core.Rules.Matching;

/// <summary>
/// Programs that are many: busybox and toybox run the applet they are started as (argv[0], whatever path led to them, as their shells do with
/// <c>/proc/self/exe</c>), or under their own name the one that the first argument names.
/// </summary>
internal static class MultiCall
{
    /// <returns>Where in argv the applet's name is; -1 when the program is none of these.</returns>
    public static int AppletIn(string path, string executable, IReadOnlyList<string> arguments)
    {
        if (!IsOne(path) && !IsOne(executable))
        {
            return -1;
        }

        var index = arguments.Count > 0 && IsOne(arguments[0]) ? 1 : 0;
        return index < arguments.Count ? index : -1;
    }

    private static bool IsOne(string path) => path.AsSpan(path.LastIndexOf('/') + 1) is "busybox" or "toybox";
}
