namespace KubeCop.Scanning.Scans;

/// <summary>How far a scan has come: all before it is done.</summary>
/// <param name="Root"><see cref="Walking.ScanRoot.Key"/> of the tree that is walked.</param>
/// <param name="After"><see cref="Walking.TreeWalk.Position"/> of the last file of it that is done; empty at its beginning.</param>
internal sealed record ScanPosition(string Root, byte[] After);
