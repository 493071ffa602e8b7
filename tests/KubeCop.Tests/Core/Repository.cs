namespace KubeCop.Tests.Core;

/// <summary>Files of the working tree, for tests of what is committed.</summary>
internal static class Repository
{
    public static string PathOf(string relative)
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "KubeCop.Orleans.sln")))
            {
                return Path.Combine(directory.FullName, relative);
            }
        }

        throw new InvalidOperationException($"No KubeCop.Orleans.sln above {AppContext.BaseDirectory}.");
    }
}
