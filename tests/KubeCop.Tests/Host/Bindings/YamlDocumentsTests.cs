using System.Diagnostics;
using System.Globalization;
using System.Text;
using CsCheck;
using KubeCop.Core.Bindings;
using KubeCop.Host.Bindings;
using static KubeCop.Tests.Core.Bindings.BindingSample;

namespace KubeCop.Tests.Host.Bindings;

/// <summary>YAML that is wrong, hostile or strange.</summary>
public sealed class YamlDocumentsTests
{
    private static readonly string Good = Yaml("b", "rules:\n- ruleID: R0001");

    [Theory]
    [InlineData("null", null)]
    [InlineData("~", null)]
    [InlineData("true", true)]
    [InlineData("No", false)]
    [InlineData("\"true\"", "true")]
    [InlineData("'5'", "5")]
    [InlineData("!!str 5", "5")]
    [InlineData("! 5", "5")]
    [InlineData("5", 5L)]
    [InlineData("-17", -17L)]
    [InlineData("1.5", 1.5)]
    [InlineData("1e3", 1000.0)]
    [InlineData("1.2.3", "1.2.3")]
    [InlineData("Infinity", "Infinity")]
    [InlineData("R0001", "R0001")]
    [InlineData("|\n  two\n  lines", "two\nlines\n")]
    public void Scalar_MeansWhatItMeansToKubectl(string yaml, object? value)
    {
        var map = Assert.IsType<SourceMap>(Assert.Single(Documents(Encoding.UTF8.GetBytes($"a: {yaml}\n")).Documents).Root);
        Assert.Equal(value, Assert.IsType<SourceScalar>(Assert.Single(map.Fields).Value).Value);
    }

    [Fact]
    public void ByteOrderMarkAndWindowsLines_AreRead() =>
        Assert.Single(Read([.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(Good.Replace("\n", "\r\n", StringComparison.Ordinal))]).Bindings);

    [Fact]
    public void Alias_StandsForItsAnchor()
    {
        var binding = Assert.Single(Parse(Yaml("b", "", "- ruleID: R0002\n  parameters: &p { ignorePrefixes: &tmp [/tmp] }\n- ruleName: Unexpected file access\n  parameters: *p")));
        Assert.Equal(["/tmp"], Assert.IsType<object?[]>(Assert.Single(binding.Rules).Parameters["ignorePrefixes"]));
    }

    [Theory]
    [InlineData("a: 1\na: 2\n", "b.yaml:2: the field 'a' is in line 1 already")]
    [InlineData("a:\n\tb: 1\n", "b.yaml:1: it is no YAML: ")]
    [InlineData("a: [1\nb: 2\n", "b.yaml:1: it is no YAML from here on")]
    [InlineData("a: \"open\n", "b.yaml:1: it is no YAML: ")]
    [InlineData("a: *nobody\n", "b.yaml:1: there is no anchor 'nobody' before its alias")]
    [InlineData("a: &a [*a]\n", "b.yaml:1: there is no anchor 'a' before its alias")]
    [InlineData("a: !!binary aGk=\n", "b.yaml:1: the tag 'tag:yaml.org,2002:binary' means nothing here; leave it out")]
    [InlineData("a: !System.Diagnostics.Process { x: y }\n", "b.yaml:1: the tag '!System.Diagnostics.Process' means nothing here; leave it out")]
    [InlineData("? [a]\n: b\n", "b.yaml:1: a list, a map or an alias is no name of a field")]
    [InlineData("a: 1\n\0\n", "b.yaml:2: there is a NUL in it; expected YAML in UTF-8")]
    [InlineData("%TAG ! tag:x,2000:\n%TAG ! tag:y,2000:\n---\na: 1\n", "b.yaml:2: it is no YAML: ")]
    public void NoYaml_IsRefusedWithItsLine(string yaml, string error) => Assert.StartsWith(error, Error(yaml), StringComparison.Ordinal);

    [Fact]
    public void MergeKeys_AreNoFields() =>
        Assert.Contains("<<: there is no field '<<'", Error(Yaml("b", "", "- &r { ruleID: R0001 }\n- { <<: *r, ruleID: R0001 }")), StringComparison.Ordinal);

    [Theory]
    [InlineData(new byte[] { (byte)'a', (byte)'\n', 0xff, 0xfe }, 2)]
    [InlineData(new byte[] { 0xc3, 0x28 }, 1)]
    [InlineData(new byte[] { (byte)'\n', (byte)'\n', 0xed, 0xa0, 0x80 }, 3)]
    public void NotUtf8_IsRefusedWithItsLine(byte[] content, int line) =>
        Assert.Equal($"b.yaml:{line}: it is not UTF-8", Assert.Single(Read(content).Errors).ToString());

    [Fact]
    public void Utf16_IsRefused() => Assert.Single(Read(Encoding.Unicode.GetBytes(Good)).Errors);

    [Fact]
    public void ErrorInOneFile_LeavesNothingOfItAndDoesNotHideTheOthers()
    {
        var errors = Read(Encoding.UTF8.GetBytes(Good + "\n---\na: ["), Encoding.UTF8.GetBytes(Yaml("c", "rules:\n- ruleID: R1"))).Errors;
        Assert.Equal(2, errors.Count);
        Assert.Contains("it is no YAML", errors[0].Message, StringComparison.Ordinal);
        Assert.Contains("R1", errors[1].Message, StringComparison.Ordinal);
    }

    /// <summary>"Billion laughs": few bytes that stand for very much.</summary>
    [Fact]
    public void AliasesThatExplode_AreRefused()
    {
        var yaml = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 30; i++)
        {
            yaml.Append(CultureInfo.InvariantCulture, $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        }

        var (error, elapsed) = Timed(() => Error(yaml.ToString()));
        Assert.Equal("b.yaml:6: there are more than 200000 values up to here, those that aliases stand for included; split it, or bind rules by tags", error);
        Assert.InRange(elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void AliasesThatDeepen_AreRefused()
    {
        var yaml = new StringBuilder("a0: &a0 [x]\n");
        for (var i = 1; i < 1000; i++)
        {
            yaml.Append(CultureInfo.InvariantCulture, $"a{i}: &a{i} [*a{i - 1}]\n");
        }

        Assert.Equal("b.yaml:32: lists and maps are more than 32 deep here", Error(yaml.ToString()));
    }

    [Fact]
    public void Depth_AtTheBound_IsRead()
    {
        Assert.Single(Documents(Encoding.UTF8.GetBytes(new string('[', BindingLimits.Depth) + new string(']', BindingLimits.Depth))).Documents);
        Assert.Single(Documents(Encoding.UTF8.GetBytes(new string('[', BindingLimits.Depth + 1) + new string(']', BindingLimits.Depth + 1))).Errors);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{")]
    [InlineData("- ")]
    [InlineData("? ")]
    [InlineData("[{a: ")]
    [InlineData("&a ")]
    [InlineData("!a ")]
    [InlineData("*a ")]
    [InlineData("a: ")]
    [InlineData("a\n")]
    [InlineData("a: b\n")]
    [InlineData("- a\n")]
    [InlineData("---\n")]
    [InlineData("--- a\n")]
    [InlineData("'")]
    [InlineData("\"")]
    [InlineData("\"\\x41")]
    [InlineData("|\n ")]
    [InlineData(">+9\n")]
    [InlineData("#")]
    [InlineData("%A")]
    [InlineData("%YAML 1.1\n")]
    [InlineData("]")]
    [InlineData("}")]
    [InlineData(":")]
    [InlineData("<<")]
    [InlineData("\t")]
    [InlineData("\r")]
    [InlineData("x")]
    [InlineData(" ")]
    public void MegabyteOfTheSame_EndsSoonWithoutBindings(string piece)
    {
        var (reading, elapsed) = Timed(() => Read(string.Concat(Enumerable.Repeat(piece, 1_000_000 / piece.Length))));

        Assert.Empty(reading.Bindings);
        Assert.NotEmpty(reading.Errors);
        Assert.InRange(elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void DamagedBinding_IsReadOrRefusedButNeverThrows()
    {
        const string Selector = "podSelector:\n  matchExpressions:\n  - { key: a, operator: In, values: [&x b, *x] }";
        var good = Encoding.UTF8.GetBytes(string.Join("\n---\n", Good, Yaml("c", Selector, "- ruleTags: ['exec', \"dns\"]\n  severity: 8")));
        var damage = Gen.Select(Gen.Int[0, good.Length - 1], Gen.OneOf(Gen.Byte, Gen.Char["[]{}:,-?&*!|>'\"%@`#\n\t "].Select(static c => (byte)c)));
        damage.Array[1, 4].Sample(
            damages =>
            {
                var bytes = good.ToArray();
                foreach (var (at, value) in damages)
                {
                    bytes[at] = value;
                }

                var reading = Read(bytes);
                Assert.True(reading.Bindings.Count > 0 != reading.Errors.Count > 0);
            },
            iter: 20_000);
    }

    private static YamlDocuments Documents(byte[] content)
    {
        var documents = new YamlDocuments();
        documents.Add(Name, content);
        return documents;
    }

    private static (T Result, TimeSpan Elapsed) Timed<T>(Func<T> act)
    {
        var watch = Stopwatch.StartNew();
        return (act(), watch.Elapsed);
    }
}
