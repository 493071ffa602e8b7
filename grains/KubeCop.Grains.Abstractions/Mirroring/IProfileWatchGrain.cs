namespace KubeCop.Grains.Abstractions.Mirroring;

/// <summary>Follows the objects that show profiles, once for the whole cluster, and tells the workloads whose they are. Key <see cref="Key"/>.</summary>
[Alias("kubecop.IProfileWatchGrain")]
public interface IProfileWatchGrain : IGrainWithStringKey
{
    /// <summary>There is one.</summary>
    const string Key = "profiles";

    /// <summary>Has it follow them, which it does as long as somebody calls this from time to time.</summary>
    [Alias("Keep")]
    Task KeepAsync();
}
