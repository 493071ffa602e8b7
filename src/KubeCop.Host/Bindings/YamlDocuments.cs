using System.Globalization;
using System.Text;
using KubeCop.Core.Bindings;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace KubeCop.Host.Bindings;

/// <summary>
/// Reads YAML (and so JSON) files into documents, with bounds on what they may hold over all files. Plain scalars mean what they mean to
/// kubectl: <c>yes</c> and <c>on</c> are true.
/// </summary>
internal sealed class YamlDocuments
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly List<SourceDocument> _documents = [];
    private readonly List<BindingError> _errors = [];
    private int _values;

    public IReadOnlyList<SourceDocument> Documents => _documents;

    /// <summary>At most one of each file.</summary>
    public IReadOnlyList<BindingError> Errors => _errors;

    /// <summary>Adds the documents of a file, or the error that is in it.</summary>
    public void Add(string source, ReadOnlySpan<byte> content)
    {
        var documents = _documents.Count;
        Parser? parser = null;
        try
        {
            parser = new Parser(new StringReader(Decode(content)));
            parser.Consume<StreamStart>();
            while (parser.Accept<DocumentStart>(out _))
            {
                ReadDocument(source, parser);
            }
        }
        catch (InvalidYamlException exception)
        {
            Refuse(exception.Line, exception.Message);
        }
        catch (YamlException exception)
        {
            var found = exception.End.Line > exception.Start.Line ? string.Create(CultureInfo.InvariantCulture, $" (in line {exception.End.Line})") : "";
            Refuse((int)exception.Start.Line, $"it is no YAML: {exception.Message}{found}");
        }
        catch (Exception)
        {
            // The parser itself fails on some of what is no YAML, for example '[1' with no end in a field that others follow.
            Refuse((int)(parser?.Current?.End.Line ?? 0), "it is no YAML from here on");
        }

        void Refuse(int line, string message)
        {
            _documents.RemoveRange(documents, _documents.Count - documents);
            _errors.Add(new BindingError(source, line, "", "", message));
        }
    }

    private static string Decode(ReadOnlySpan<byte> content)
    {
        if (content.IndexOf((byte)0) is var zero and >= 0)
        {
            throw new InvalidYamlException(LineOf(content, zero), "there is a NUL in it; expected YAML in UTF-8");
        }

        try
        {
            return StrictUtf8.GetString(content.StartsWith(Encoding.UTF8.Preamble) ? content[3..] : content);
        }
        catch (DecoderFallbackException exception)
        {
            throw new InvalidYamlException(LineOf(content, Math.Clamp(exception.Index, 0, content.Length)), "it is not UTF-8");
        }
    }

    private static int LineOf(ReadOnlySpan<byte> content, int index) => content[..index].Count((byte)'\n') + 1;

    private void ReadDocument(string source, Parser parser)
    {
        parser.Consume<DocumentStart>();
        var root = new NodeBuilder(this, parser).Read();
        parser.Consume<DocumentEnd>();
        if (root is not SourceScalar { Value: null })
        {
            _documents.Add(new SourceDocument(source, root));
        }
    }

    private void Count(int line, int values)
    {
        _values += values;
        if (_values > BindingLimits.Values)
        {
            throw new InvalidYamlException(line, string.Create(
                CultureInfo.InvariantCulture, $"there are more than {BindingLimits.Values} values up to here, those that aliases stand for included; split it, or bind rules by tags"));
        }
    }

    /// <summary>One document: anchors hold within it.</summary>
    private sealed class NodeBuilder(YamlDocuments owner, Parser parser)
    {
        private readonly Dictionary<string, Anchored> _anchors = new(StringComparer.Ordinal);

        public SourceNode Read() => Read(0, out _);

        /// <param name="depth">Lists and maps around it.</param>
        /// <param name="height">Lists and maps in it.</param>
        private SourceNode Read(int depth, out int height)
        {
            height = 0;
            if (parser.TryConsume<AnchorAlias>(out var alias))
            {
                return Resolve(alias, depth, out height);
            }

            var (before, start) = (owner._values, parser.Consume<NodeEvent>());
            var line = Line(start);
            owner.Count(line, 1);
            SourceNode node = start switch
            {
                Scalar scalar => new SourceScalar(line, scalar.Value, ValueOf(scalar)),
                SequenceStart => ReadList(start, Within(depth, line), out height),
                _ => ReadMap(start, Within(depth, line), out height),
            };
            if (!start.Anchor.IsEmpty)
            {
                _anchors[start.Anchor.Value] = new Anchored(node, owner._values - before, height);
            }

            return node;
        }

        private SourceNode Resolve(AnchorAlias alias, int depth, out int height)
        {
            var line = Line(alias);
            if (!_anchors.TryGetValue(alias.Value.Value, out var anchored))
            {
                throw new InvalidYamlException(line, $"there is no anchor {BindingError.Quote(alias.Value.Value)} before its alias");
            }

            owner.Count(line, anchored.Values);
            height = anchored.Height;
            Within(depth + height - 1, line);
            return anchored.Node;
        }

        private SourceList ReadList(NodeEvent start, int depth, out int height)
        {
            RequireNoTag(start);
            var items = new List<SourceNode>();
            height = 1;
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                items.Add(Read(depth, out var inner));
                height = Math.Max(height, inner + 1);
            }

            return new SourceList(Line(start), items);
        }

        private SourceMap ReadMap(NodeEvent start, int depth, out int height)
        {
            RequireNoTag(start);
            var (fields, lines) = (new List<SourceField>(), new Dictionary<string, int>(StringComparer.Ordinal));
            height = 1;
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                if (!parser.TryConsume<Scalar>(out var name))
                {
                    throw new InvalidYamlException(Line(parser.Current!), "a list, a map or an alias is no name of a field");
                }

                if (!lines.TryAdd(name.Value, Line(name)))
                {
                    throw new InvalidYamlException(Line(name), $"the field {BindingError.Quote(name.Value)} is in line {lines[name.Value]} already");
                }

                fields.Add(new SourceField(name.Value, Line(name), Read(depth, out var inner)));
                height = Math.Max(height, inner + 1);
            }

            return new SourceMap(Line(start), fields);
        }

        private static int Within(int depth, int line) => depth < BindingLimits.Depth ? depth + 1
            : throw new InvalidYamlException(line, string.Create(CultureInfo.InvariantCulture, $"lists and maps are more than {BindingLimits.Depth} deep here"));

        private static object? ValueOf(Scalar scalar)
        {
            if (scalar.Tag is { IsEmpty: false } tag && tag.Value != "tag:yaml.org,2002:str" && !tag.IsNonSpecific)
            {
                throw TagRefused(scalar);
            }

            return scalar.Style != ScalarStyle.Plain || !scalar.Tag.IsEmpty ? scalar.Value : Plain(scalar.Value);
        }

        private static object? Plain(string text) => text switch
        {
            "" or "~" or "null" or "Null" or "NULL" => null,
            "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" => true,
            "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" => false,
            _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
            _ when IsNumber(text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
            _ => text,
        };

        // .NET also takes words such as Infinity.
        private static bool IsNumber(string text) => text.AsSpan().IndexOfAnyExcept("0123456789.+-eE") < 0;

        private static void RequireNoTag(NodeEvent start)
        {
            if (!start.Tag.IsEmpty && !start.Tag.IsNonSpecific)
            {
                throw TagRefused(start);
            }
        }

        private static InvalidYamlException TagRefused(NodeEvent start) => new(Line(start), $"the tag {BindingError.Quote(start.Tag.Value)} means nothing here; leave it out");

        private static int Line(ParsingEvent at) => (int)at.Start.Line;
    }

    private sealed record Anchored(SourceNode Node, int Values, int Height);

    private sealed class InvalidYamlException(int line, string message) : Exception(message)
    {
        public int Line { get; } = line;
    }
}
