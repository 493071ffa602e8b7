namespace KubeCop.Sensor.Privileges;

/// <summary>Privileges that the process does not need could not be dropped.</summary>
public sealed class PrivilegeException(string message) : Exception(message);
