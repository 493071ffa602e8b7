using System.Runtime.InteropServices;

namespace KubeCop.Sensor.Bpf;

/// <summary>
/// Reads where things are from BTF, the type information in the BPF object (Documentation/bpf/btf.rst): a type is three words, name, kind
/// with a count, and size, and its members follow.
/// </summary>
internal static unsafe class BtfLayout
{
    public const uint KindTypedef = 8;
    public const uint KindFunction = 12;

    private const uint KindStruct = 4;
    private const uint KindEnum = 6;
    private const uint KindDataSection = 15;

    /// <summary>Offset of a variable in its section.</summary>
    public static uint OfVariable(nint btf, string section, string name)
    {
        var type = Find(btf, section, KindDataSection);
        for (var index = 0; index < Count(type); index++)
        {
            var entry = type + 3 + (index * 3); // struct btf_var_secinfo: type, offset, size
            if (Name(btf, *LibBpf.BtfType(btf, entry[0])) == name)
            {
                return entry[1];
            }
        }

        throw new InvalidOperationException($"The BPF object has no variable '{name}' in {section}.");
    }

    /// <summary>Size of a struct in bytes, and its members' offsets in bytes in their order.</summary>
    public static (uint Size, IReadOnlyList<(string Name, uint Offset)> Members) OfStruct(nint btf, string name)
    {
        var type = Find(btf, name, KindStruct);
        var members = new List<(string, uint)>();
        for (var index = 0; index < Count(type); index++)
        {
            var member = type + 3 + (index * 3); // struct btf_member: name, type, offset in bits
            members.Add((Name(btf, member[0]), member[2] / 8));
        }

        return (type[2], members);
    }

    /// <summary>The values of an enum by name.</summary>
    public static IReadOnlyDictionary<string, int> OfEnum(nint btf, string name)
    {
        var type = Find(btf, name, KindEnum);
        var values = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var index = 0; index < Count(type); index++)
        {
            var value = type + 3 + (index * 2); // struct btf_enum: name, value
            values.Add(Name(btf, value[0]), (int)value[1]);
        }

        return values;
    }

    private static uint* Find(nint btf, string name, uint kind)
    {
        var id = LibBpf.FindBtfType(btf, name, kind);
        return id > 0 ? LibBpf.BtfType(btf, (uint)id) : throw new InvalidOperationException($"The BPF object's BTF has no '{name}' of kind {kind}.");
    }

    private static int Count(uint* type) => (int)(type[1] & 0xffff);

    private static string Name(nint btf, uint offset) => Marshal.PtrToStringUTF8((nint)LibBpf.BtfName(btf, offset)) ?? "";
}
