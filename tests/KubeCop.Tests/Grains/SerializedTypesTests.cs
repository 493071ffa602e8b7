using System.Globalization;
using System.Reflection;
using KubeCop.Core.Events;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Workloads;
using KubeCop.Tests.Core;

namespace KubeCop.Tests.Grains;

/// <summary>
/// What silos of two versions say to each other, and what a store has kept since an earlier one: grains/SerializedTypes.txt. A type, a member's number and its type
/// stay what they were; members may be added. (What grains can be asked is in OrleansContracts.txt of each of their projects, held by Orleans' analyzer.)
/// </summary>
public sealed class SerializedTypesTests
{
    private const string Page = "grains/SerializedTypes.txt";

    /// <summary>In front of a line whose member or type is gone: its number must not be given again.</summary>
    private const string Retired = "*RETIRED* ";

    [Fact]
    public void SerializedTypes_StayWhatTheyWere()
    {
        var file = Repository.PathOf(Page);
        var current = Lines().ToHashSet(StringComparer.Ordinal);
        var written = File.ReadAllLines(file).Where(static line => line.Length > 0 && line[0] != '#').ToList();
        var retired = written.Where(static line => line.StartsWith(Retired, StringComparison.Ordinal)).Select(static line => line[Retired.Length..]).ToList();
        var active = written.Where(static line => !line.StartsWith(Retired, StringComparison.Ordinal)).ToHashSet(StringComparer.Ordinal);
        if (Environment.GetEnvironmentVariable("KUBECOP_WRITE_DOCS") == "1")
        {
            active.UnionWith(current);
            File.WriteAllLines(file,
            [
                "# What is serialized between silos and into stores: type, member's number, member's type. Silos of two versions run side by side during an upgrade,",
                "# and a store outlives both. Made by SerializedTypesTests with KUBECOP_WRITE_DOCS=1, which adds lines and never takes one away. Of what is gone from the",
                $"# code, put '{Retired.TrimEnd()}' in front of the line; a line that changes breaks a rolling upgrade.",
                .. active.Concat(retired.Select(static line => Retired + line)).OrderBy(static line => line.Replace(Retired, "", StringComparison.Ordinal), StringComparer.Ordinal),
            ]);
        }

        var gone = active.Except(current).ToList();
        Assert.True(gone is [], $"Gone or changed, which breaks a rolling upgrade ({Page} says what to do):\n{string.Join('\n', gone)}");
        Assert.True(current.Except(active).ToList() is [], $"New, not yet in {Page}; run this test with KUBECOP_WRITE_DOCS=1:\n{string.Join('\n', current.Except(active))}");
        var numbers = current.Select(NumberOf).ToHashSet(StringComparer.Ordinal);
        Assert.DoesNotContain(retired, line => numbers.Contains(NumberOf(line)));
    }

    [Fact]
    public void SerializedTypes_HaveNamesOfTheirOwn()
    {
        Assert.All(Types(), static type =>
            Assert.True(type.IsDefined(typeof(AliasAttribute), inherit: false), $"{type} has no [Alias]: a new name or namespace of it would break a rolling upgrade."));
        Assert.Distinct(Types().Select(NameOf));
    }

    private static IEnumerable<Type> Types() =>
        new[] { typeof(SensorEvent).Assembly, typeof(IWorkloadGrain).Assembly, typeof(WorkloadGrain).Assembly }
            .SelectMany(static assembly => assembly.GetTypes())
            .Where(static type => type.IsDefined(typeof(GenerateSerializerAttribute), inherit: false));

    private static IEnumerable<string> Lines()
    {
        var named = new Queue<Type>(Types());
        var seen = new HashSet<Type>();
        while (named.TryDequeue(out var type))
        {
            if (!seen.Add(type))
            {
                continue;
            }

            if (type.IsEnum)
            {
                foreach (var value in Enum.GetValuesAsUnderlyingType(type))
                {
                    yield return string.Create(CultureInfo.InvariantCulture, $"{NameOf(type)} = {value} {Enum.GetName(type, value)}");
                }

                continue;
            }

            yield return $"{NameOf(type)}{(type.BaseType is { } parent && parent.IsDefined(typeof(GenerateSerializerAttribute), inherit: false) ? $" : {NameOf(parent)}" : "")}";
            foreach (var member in type.GetMembers(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                if (member.GetCustomAttribute<IdAttribute>() is not { } id || (member is PropertyInfo or FieldInfo) is false)
                {
                    continue;
                }

                var content = member is PropertyInfo property ? property.PropertyType : ((FieldInfo)member).FieldType;
                yield return string.Create(CultureInfo.InvariantCulture, $"{NameOf(type)} [{id.Id}] {NameOf(content)}");
                foreach (var used in UsedBy(content).Where(static used => used.IsEnum && used.Namespace?.StartsWith("KubeCop.", StringComparison.Ordinal) == true))
                {
                    named.Enqueue(used);
                }
            }
        }
    }

    private static IEnumerable<Type> UsedBy(Type type) =>
        type.HasElementType ? UsedBy(type.GetElementType()!)
        : type.IsGenericType ? type.GetGenericArguments().SelectMany(UsedBy)
        : [type];

    private static string NameOf(Type type) =>
        type.GetCustomAttribute<AliasAttribute>(inherit: false) is { } alias ? alias.Alias
        : type.IsArray ? $"{NameOf(type.GetElementType()!)}[]"
        : Nullable.GetUnderlyingType(type) is { } value ? $"{NameOf(value)}?"
        : type.IsGenericType ? $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>"
        : type.Namespace == "System" ? type.Name
        : type.FullName!;

    /// <summary>Of <c>type [3] String</c>, <c>type [3]</c>; of an enumeration's <c>type = 3 Name</c>, <c>type = 3</c>.</summary>
    private static string NumberOf(string line) => line.Split(' ') is [var type, "=", var value, ..] ? $"{type} = {value}" : string.Join(' ', line.Split(' ').Take(2));
}
