using System.Globalization;
using System.Text.Json;
using KubeCop.Core.Bindings;

namespace KubeCop.Host.Bindings;

/// <summary>The policy in <c>policy.json</c> of the data directory, for a start without the API server.</summary>
internal sealed class PolicyFile(string dataDirectory)
{
    private const int CurrentVersion = 1;

    /// <summary>Far more than a policy within its limits takes, whatever JSON makes of its texts.</summary>
    private const long LargestFile = 128 * 1024 * 1024;

    // A file that somebody has changed has none of what a type says.
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true };

    public string Path { get; } = System.IO.Path.Combine(dataDirectory, "policy.json");

    /// <summary>Why <see cref="Load"/> found nothing, for people; null when there was nothing, or it was found.</summary>
    public string? Damage { get; private set; }

    /// <summary>What an earlier run saved; null when it saved nothing, or that cannot be read.</summary>
    public SavedPolicy? Load()
    {
        try
        {
            using var file = File.OpenRead(Path);
            if (file.Length > LargestFile)
            {
                throw new IOException(string.Create(CultureInfo.InvariantCulture, $"it is larger than {LargestFile} bytes"));
            }

            return JsonSerializer.Deserialize<Content>(file, Options) is { Version: CurrentVersion } content ? content.ToPolicy()
                : throw new IOException("it is of another version of kubecop");
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            Damage = exception.Message;
            return null;
        }
    }

    /// <summary>Replaces the file as a whole.</summary>
    /// <exception cref="IOException">It cannot be written; <see cref="UnauthorizedAccessException"/> too.</exception>
    public void Save(SavedPolicy policy)
    {
        var temporary = Path + ".new";
        using (var file = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            JsonSerializer.Serialize(file, Content.Of(policy), Options);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, Path, overwrite: true);
    }

    private sealed record Content(
        int Version, long Sequence, IReadOnlyList<PolicyBinding> Bindings, IReadOnlyList<PolicyBinding> HeldBack, IReadOnlyList<PolicyNamespace>? Namespaces)
    {
        public static Content Of(SavedPolicy saved) =>
            new(CurrentVersion, saved.Policy.Version.Sequence, saved.Policy.Bindings, saved.HeldBack, saved.Policy.Namespaces);

        // Made anew from its parts, so that its hash is that of what is there.
        public SavedPolicy ToPolicy()
        {
            var policy = Policy.Of(Unique(Bindings), Namespaces?.DistinctBy(static ns => ns.Name));
            return new SavedPolicy(policy with { Version = policy.Version with { Sequence = Sequence } }, [.. Unique(HeldBack)]);
        }

        private static IEnumerable<PolicyBinding> Unique(IEnumerable<PolicyBinding> bindings) => bindings.DistinctBy(static binding => binding.FullName);
    }
}
