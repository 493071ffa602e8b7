namespace KubeCop.Cluster.Tests;

/// <summary>
/// Tests that keep the whole machine busy, with silos as processes or many writers: nothing else runs beside them, because calls of grains time
/// out where nobody gets to run.
/// </summary>
[CollectionDefinition(nameof(WholeMachine), DisableParallelization = true)]
public sealed class WholeMachine;
