namespace KubeCop.Host;

/// <summary>The user asked for something that cannot be: the message names the option, its value and what is accepted.</summary>
internal sealed class UsageException(string message) : Exception(message);
