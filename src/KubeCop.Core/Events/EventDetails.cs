namespace KubeCop.Core.Events;

/// <summary>The parts of an event that only its kind has. Immutable, and interned by the decoder.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.EventDetails")]
public abstract record EventDetails;

/// <summary>Of an exec: what is looked at only when it is reported or learned.</summary>
/// <param name="Filename">The path as given to the system call, possibly relative.</param>
/// <param name="WorkingDirectory">The working directory in the container's view.</param>
/// <param name="Arguments">argv, the program's name included.</param>
[GenerateSerializer, Immutable, Alias("kubecop.ExecDetails")]
public sealed record ExecDetails(
    [property: Id(0)] string Filename,
    [property: Id(1)] string WorkingDirectory,
    [property: Id(2)] IReadOnlyList<string> Arguments) : EventDetails
{
    /// <summary>
    /// What standard input, output and error are: <c>closed</c>, <c>terminal</c>, <c>file</c>, <c>other</c>, <c>pipe:[INODE]</c>, of a named
    /// one <c>fifo:[MAJOR:MINOR:INODE]</c>, <c>socket ADDRESS:PORT</c> with the peer, and <c>socket:[INODE]</c> of one that is neither IPv4 nor
    /// IPv6. Both ends of a pipe are called the same. Empty where it is not known.
    /// </summary>
    [Id(3)] public IReadOnlyList<string> Streams { get; init; } = [];
}

/// <summary>What a process did on the network.</summary>
public enum NetworkAction
{
    /// <summary>Began a connection, or for UDP chose or addressed a peer.</summary>
    Connect = 1,

    /// <summary>Took a connection that somebody else began.</summary>
    Accept = 2,

    /// <summary>Opened a port for others: TCP listen, UDP bind.</summary>
    Listen = 3,
}

/// <summary>Of a network event.</summary>
/// <param name="Action">The direction.</param>
/// <param name="Protocol"><c>tcp</c>, <c>udp</c>, <c>sctp</c>, or the protocol's number.</param>
/// <param name="Address">
/// The peer's address, or of a listen the local one; IPv4-mapped addresses as IPv4. Of a connect it is the address the process asked for,
/// before a service translates it.
/// </param>
/// <param name="Port">The service's port: the peer's of a connect, the local one of an accept or listen.</param>
[GenerateSerializer, Immutable, Alias("kubecop.NetworkDetails")]
public sealed record NetworkDetails(
    [property: Id(0)] NetworkAction Action,
    [property: Id(1)] string Protocol,
    [property: Id(2)] string Address,
    [property: Id(3)] ushort Port) : EventDetails;

/// <summary>Of a DNS event.</summary>
/// <param name="Name">The name asked for, in lower case, without the final dot; <c>.</c> for the root.</param>
/// <param name="Type">For example <c>A</c>, <c>AAAA</c>, <c>TXT</c>; <c>TYPE65280</c> for one without a name.</param>
/// <param name="IsAnswer">An answer received, not a query sent.</param>
/// <param name="Outcome">Of an answer its response code, for example <c>NOERROR</c> or <c>NXDOMAIN</c>; empty for a query.</param>
/// <param name="Addresses">All addresses of an answer.</param>
/// <param name="Transport"><c>udp</c> or <c>tcp</c>.</param>
/// <param name="Server">The server's address.</param>
[GenerateSerializer, Immutable, Alias("kubecop.DnsDetails")]
public sealed record DnsDetails(
    [property: Id(0)] string Name,
    [property: Id(1)] string Type,
    [property: Id(2)] bool IsAnswer,
    [property: Id(3)] string Outcome,
    [property: Id(4)] IReadOnlyList<string> Addresses,
    [property: Id(5)] string Transport,
    [property: Id(6)] string Server) : EventDetails;

/// <summary>Of a capability check.</summary>
/// <param name="Name">Without <c>CAP_</c>, for example <c>NET_ADMIN</c>.</param>
/// <param name="Syscall">The system call during which it was checked.</param>
/// <param name="Granted">Whether the process has it. Otherwise the event is also marked <see cref="EventFlags.Refused"/>.</param>
[GenerateSerializer, Immutable, Alias("kubecop.CapabilityDetails")]
public sealed record CapabilityDetails([property: Id(0)] string Name, [property: Id(1)] string Syscall, [property: Id(2)] bool Granted) : EventDetails;

/// <summary>Of a ptrace.</summary>
/// <param name="Request">The request's name, for example <c>PTRACE_ATTACH</c>.</param>
/// <param name="TargetPid">The other process as the caller calls it, in its own pid namespace; 0 for PTRACE_TRACEME.</param>
[GenerateSerializer, Immutable, Alias("kubecop.PtraceDetails")]
public sealed record PtraceDetails([property: Id(0)] string Request, [property: Id(1)] uint TargetPid) : EventDetails;
