namespace KubeCop.Core.Workloads;

/// <summary>An object of the API server that is a workload, as owner references name it.</summary>
/// <param name="ApiVersion">Group and version, as <c>apps/v1</c>.</param>
/// <param name="Uid">Of this object: another one of the same name has another.</param>
[GenerateSerializer, Immutable, Alias("kubecop.WorkloadObject")]
public sealed record WorkloadObject([property: Id(0)] string ApiVersion, [property: Id(1)] string Uid);
