using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;

namespace KubeCop.Tests.Architecture;

/// <summary>
/// Who may use whom (docs/architecture.md). Checked twice: what the project files ask for, and what the compiled code really refers to,
/// which also sees what came along through another project.
/// </summary>
public sealed class ReferenceTableTests
{
    private const string Orleans = "Orleans";

    /// <summary>Each room's allowed rooms and the beginnings of names of allowed libraries.</summary>
    private static readonly Dictionary<string, (string[] Rooms, string[] Libraries)> Allowed = new()
    {
        ["KubeCop.Core"] = ([], ["Orleans.Serialization", "Orleans.Core.Abstractions", "Cronos"]),
        ["KubeCop.Grains.Abstractions"] = (["KubeCop.Core"], ["Orleans.Serialization", "Orleans.Core.Abstractions"]),
        ["KubeCop.Grains"] = (["KubeCop.Core", "KubeCop.Grains.Abstractions"], [Orleans]),
        ["KubeCop.Sensor"] = (["KubeCop.Core", "KubeCop.Grains.Abstractions"], ["Orleans.Serialization", "Orleans.Core", "Grpc", "Google.Protobuf"]),
        ["KubeCop.Storage"] = (["KubeCop.Core"], [Orleans, "Azure", "Npgsql", "StackExchange.Redis"]),
        ["KubeCop.Kubernetes"] = (["KubeCop.Core"], [Orleans, "KubernetesClient"]),
        ["KubeCop.Exporters"] = (["KubeCop.Core"], ["Orleans.Serialization", "CsvHelper", "Polly"]),
        ["KubeCop.Scanning"] = (["KubeCop.Core"], ["Orleans.Serialization"]),
    };

    // The framework, and what of it comes as packages: available to every room.
    private static readonly string[] Framework = ["System", "Microsoft.Extensions", "Microsoft.AspNetCore", "Microsoft.Win32.Primitives"];

    private static readonly string Root = FindRoot();

    /// <summary>All rooms but the host, which puts everything together.</summary>
    public static TheoryData<string> Projects =>
        [.. ProductProjects().Select(static file => Path.GetFileNameWithoutExtension(file)).Where(static name => name != "KubeCop.Host").Order()];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_References_OnlyRoomsItMay(string project)
    {
        Assert.True(Allowed.TryGetValue(project, out var allowed), $"{project} is not in the table: say there and in docs/architecture.md what it may use.");
        var file = ProductProjects().Single(file => Path.GetFileNameWithoutExtension(file) == project);

        var rooms = XDocument.Load(file).Descendants("ProjectReference")
            .Select(static reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));

        Assert.Empty(rooms.Except(allowed.Rooms));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Assembly_RefersTo_OnlyWhatItsRoomMay(string project)
    {
        var (rooms, libraries) = Allowed[project];

        var forbidden = ReferencesOf(Path.Combine(AppContext.BaseDirectory, $"{project}.dll")).Except(rooms)
            .Where(name => !libraries.Concat(Framework).Any(library => name == library || name.StartsWith($"{library}.", StringComparison.Ordinal)));

        Assert.Empty(forbidden);
    }

    [Fact]
    public void Assembly_OfTheCore_DoesNoInputOrOutput()
    {
        string[] forbidden = ["System.Net", "System.IO.FileSystem", "System.IO.Pipes", "System.Diagnostics.Process", "Microsoft.AspNetCore"];

        var found = ReferencesOf(Path.Combine(AppContext.BaseDirectory, "KubeCop.Core.dll"))
            .Where(name => forbidden.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)));

        Assert.Empty(found);
    }

    [Fact]
    public void Solution_HoldsEveryProject()
    {
        var solution = File.ReadAllText(Path.Combine(Root, "KubeCop.Orleans.sln"));

        var missing = ProductProjects().Concat(Directory.EnumerateFiles(Path.Combine(Root, "tests"), "*.csproj", SearchOption.AllDirectories))
            .Select(static file => Path.GetFileName(file))
            .Where(file => !solution.Contains($"\\{file}\"", StringComparison.Ordinal));

        Assert.Empty(missing);
    }

    private static IEnumerable<string> ProductProjects() =>
        new[] { "src", "grains" }.SelectMany(static folder => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.csproj", SearchOption.AllDirectories));

    private static IReadOnlyList<string> ReferencesOf(string assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        var metadata = file.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "KubeCop.Orleans.sln")))
            {
                return directory.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No KubeCop.Orleans.sln above {AppContext.BaseDirectory}.");
    }
}
