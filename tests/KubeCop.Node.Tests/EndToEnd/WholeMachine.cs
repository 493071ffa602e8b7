namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>
/// Tests that keep every processor busy: one at a time, after all others. Whoever watches containers on this machine sees theirs too, so
/// another test's waits would be measured by them.
/// </summary>
[CollectionDefinition(nameof(WholeMachine), DisableParallelization = true)]
public sealed class WholeMachine;
