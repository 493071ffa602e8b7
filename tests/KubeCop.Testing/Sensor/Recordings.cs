namespace KubeCop.Testing.Sensor;

/// <summary>What tests/KubeCop.Testing/Recordings holds.</summary>
public static class Recordings
{
    public static string LearnThenAttack { get; } = Path.Combine(AppContext.BaseDirectory, "Recordings", "learn-then-attack");

    /// <summary>Between its ten seconds of routine and the attack.</summary>
    public static TimeSpan LearningPeriod { get; } = TimeSpan.FromSeconds(9);
}
