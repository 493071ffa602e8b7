using Orleans.Storage;

namespace KubeCop.Storage.File;

/// <summary>Grain state in files of one directory, for a silo that runs alone.</summary>
public sealed class FileGrainStorageOptions : IStorageProviderSerializerOptions
{
    /// <summary>
    /// Absolute path of the directory; created with mode 0700 when absent. Nobody else may write there while the silo runs
    /// (<see cref="DataDirectory"/> sees to that). No default.
    /// </summary>
    public string Directory { get; set; } = "";

    /// <summary>Turns state into the file's content. Default: the silo's <see cref="IGrainStorageSerializer"/>.</summary>
    public IGrainStorageSerializer GrainStorageSerializer { get; set; } = null!;
}
