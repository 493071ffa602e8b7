namespace KubeCop.Testing.Receivers;

/// <summary>What is in a file that somebody is writing.</summary>
public static class Contents
{
    /// <returns>Empty while there is no such file.</returns>
    public static string Read(string path)
    {
        if (!File.Exists(path))
        {
            return "";
        }

        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
