namespace KubeCop.Sensor;

/// <summary>The sensor cannot work on this machine.</summary>
/// <param name="cause">What is missing.</param>
/// <param name="remedy">What to do about it.</param>
public sealed class SensorException(string cause, string remedy, Exception? inner = null) : Exception($"{cause} {remedy}", inner)
{
    public string Cause { get; } = cause;

    public string Remedy { get; } = remedy;
}
