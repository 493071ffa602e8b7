namespace KubeCop.Grains;

/// <summary>The grain storage that holds the truth; the host registers a provider under this name.</summary>
public static class GrainStorage
{
    public const string Name = "kubecop";
}
