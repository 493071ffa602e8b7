namespace KubeCop.Core.Events;

/// <summary>Events that do not reach the rules of this node.</summary>
/// <param name="Kind">Their kind.</param>
/// <param name="IsTotal">None of this kind does; otherwise only some.</param>
/// <param name="Reason">For people: which hook is not there, and why.</param>
public sealed record EventOutage(EventKind Kind, bool IsTotal, string Reason);
