using System.Runtime.CompilerServices;
using Xunit;

namespace KubeCop.Testing;

/// <summary>A test on the real kernel with real containers; skipped, saying why, where that is impossible.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RealContainersFactAttribute : FactAttribute
{
    public RealContainersFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => Skip = Machine.MissingForContainers;
}

/// <summary>The same with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RealContainersTheoryAttribute : TheoryAttribute
{
    public RealContainersTheoryAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => Skip = Machine.MissingForContainers;
}
