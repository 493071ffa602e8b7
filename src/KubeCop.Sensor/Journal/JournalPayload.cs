using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;

namespace KubeCop.Sensor.Journal;

/// <summary>A delta as JSON. Kinds of behaviour are told apart by their Orleans alias, so that a new kind needs nothing here.</summary>
internal static class JournalPayload
{
    private static readonly JsonSerializerOptions Json = new()
    {
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { AddBehaviourKinds } },
    };

    public static byte[] Encode(WorkloadKey workload, ProfileDelta delta) =>
        JsonSerializer.SerializeToUtf8Bytes(new Content(workload.GrainKey, delta), Json);

    /// <exception cref="JsonException">It was written by a version that knows more kinds of behaviour.</exception>
    public static JournalEntry Decode(long sequence, ReadOnlySpan<byte> payload)
    {
        var content = JsonSerializer.Deserialize<Content>(payload, Json) ?? throw new JsonException("The record is empty.");
        return new JournalEntry(sequence, WorkloadKey.Parse(content.Workload), content.Delta);
    }

    private static void AddBehaviourKinds(JsonTypeInfo type)
    {
        if (type.Type != typeof(BehaviourItem))
        {
            return;
        }

        type.PolymorphismOptions = new JsonPolymorphismOptions { TypeDiscriminatorPropertyName = "kind" };
        foreach (var kind in typeof(BehaviourItem).Assembly.GetTypes().Where(static kind => kind.IsSubclassOf(typeof(BehaviourItem)) && !kind.IsAbstract))
        {
            var alias = kind.GetCustomAttribute<AliasAttribute>(inherit: false) ?? throw new InvalidOperationException($"{kind} needs an [Alias] to be journaled.");
            type.PolymorphismOptions.DerivedTypes.Add(new JsonDerivedType(kind, alias.Alias));
        }
    }

    private sealed record Content(string Workload, ProfileDelta Delta);
}
