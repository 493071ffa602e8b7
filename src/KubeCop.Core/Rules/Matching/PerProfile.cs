using System.Runtime.CompilerServices;
using KubeCop.Core.Profiles;

namespace KubeCop.Core.Rules.Matching;

/// <summary>
/// What a rule makes of a profile to compare quickly: made once for each version of a profile, shared by all containers it guards, and
/// forgotten with it. From any thread; looking it up again allocates nothing.
/// </summary>
/// <typeparam name="T">What is made.</typeparam>
/// <param name="make">Makes it; pure, as it may be called twice at the same time.</param>
internal sealed class PerProfile<T>(Func<ContainerProfile, T> make)
    where T : class
{
    private readonly ConditionalWeakTable<CompiledProfile, T> _made = [];

    public T Of(CompiledProfile profile) => _made.TryGetValue(profile, out var known) ? known : Make(profile);

    private T Make(CompiledProfile profile) => _made.GetValue(profile, key => make(key.Profile));
}
