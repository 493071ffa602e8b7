using System.Collections;
using System.Globalization;
using KubeCop.Core.Rules.Matching;

namespace KubeCop.Core.Rules;

/// <summary>
/// A parameter of a rule, set by a binding. The type in words and the default as text are for lists and documentation; a rule keeps the
/// <see cref="RuleParameter{T}"/> and asks <see cref="RuleArguments.Get{T}"/> for its value.
/// </summary>
public abstract class RuleParameter
{
    /// <summary>Wrong items of a list that a message tells of.</summary>
    private const int MostTold = 10;

    private protected RuleParameter(string name, string type, string defaultText, string description) =>
        (Name, Type, Default, Description) = (name, type, defaultText, description);

    /// <summary>As in the binding.</summary>
    public string Name { get; }

    /// <summary>The type in words, for example <c>list of absolute paths</c>.</summary>
    public string Type { get; }

    /// <summary>The value without a binding's, as text.</summary>
    public string Default { get; }

    /// <summary>Meaning.</summary>
    public string Description { get; }

    /// <summary><c>true</c>, <c>false</c>, or the same as a string, which KubeCop accepts.</summary>
    public static RuleParameter<bool> Boolean(string name, bool byDefault, string description) =>
        new(name, "true or false", byDefault, byDefault ? "true" : "false", description, static value => value switch
        {
            bool given => given,
            string text when bool.TryParse(text, out var given) => given,
            _ => throw new FormatException("expected true or false"),
        });

    /// <summary>Directories (or files) that stand for everything below them.</summary>
    public static RuleParameter<IReadOnlyList<string>> Paths(string name, IReadOnlyList<string> byDefault, string description) =>
        new(name, "list of absolute paths", byDefault, TextOf(byDefault), description, static value =>
            ListOf(value, static item => item is string path ? new PathPrefix(path).ToString() : throw new FormatException("expected a list of absolute paths")));

    public static RuleParameter<IReadOnlyList<ushort>> Ports(string name, IReadOnlyList<ushort> byDefault, string description) =>
        new(name, "list of ports", byDefault, TextOf(byDefault), description, static value => ListOf(value, static item => PortOf(item)));

    /// <summary>Any words: names of programs, domains.</summary>
    public static RuleParameter<IReadOnlyList<string>> Names(string name, IReadOnlyList<string> byDefault, string description) =>
        new(name, "list of names", byDefault, TextOf(byDefault), description, static value =>
            ListOf(value, static item => item is string { Length: > 0 } text ? text : throw new FormatException("expected a list of names")));

    /// <summary>Domains that stand for their sub-domains too.</summary>
    public static RuleParameter<IReadOnlyList<string>> Domains(string name, IReadOnlyList<string> byDefault, string description) =>
        new(name, "list of domains", byDefault, TextOf(byDefault), description, static value =>
            ListOf(value, static item =>
            {
                var domain = item as string ?? throw new FormatException("expected a list of domains");
                _ = new DomainSet([domain]);
                return domain;
            }));

    /// <summary>The value a binding gives, as the type it has.</summary>
    /// <param name="value">As a YAML or JSON reader gives it: string, bool, a number, or a list of them.</param>
    /// <exception cref="FormatException">It is of another type; the message says what was expected.</exception>
    internal abstract object Read(object? value);

    /// <summary>Equal values have equal texts.</summary>
    internal abstract string Write(object value);

    private protected static string TextOf<T>(IReadOnlyList<T> values) =>
        values.Count == 0 ? "none" : string.Join(", ", values.Select(static value => string.Create(CultureInfo.InvariantCulture, $"{value}")));

    /// <exception cref="FormatException">Some items are wrong; the message tells of each what, up to a bound.</exception>
    private static List<T> ListOf<T>(object? value, Func<object?, T> read)
    {
        if (value is string || value is not IEnumerable items)
        {
            throw new FormatException("expected a list");
        }

        var (values, wrong) = (new List<T>(), new List<string>());
        foreach (var item in items)
        {
            try
            {
                values.Add(read(item));
            }
            catch (Exception exception) when (exception is FormatException or ArgumentException)
            {
                if (wrong.Count == MostTold)
                {
                    wrong.Add("and more");
                    break;
                }

                if (MessageOf(exception) is var message && !wrong.Contains(message))
                {
                    wrong.Add(message);
                }
            }
        }

        return wrong.Count == 0 ? values : throw new FormatException(string.Join("; ", wrong));
    }

    // .NET adds the name of a parameter in the code.
    private static string MessageOf(Exception exception) =>
        (exception is ArgumentException { ParamName: { } parameter }
            ? exception.Message.Replace($" (Parameter '{parameter}')", "", StringComparison.Ordinal)
            : exception.Message).TrimEnd('.');

    private static ushort PortOf(object? item)
    {
        var text = Convert.ToString(item, CultureInfo.InvariantCulture);
        return ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port > 0
            ? port
            : throw new FormatException($"'{text}' is no port; expected 1 to 65535");
    }
}

/// <summary>A parameter and how its value is read.</summary>
/// <typeparam name="T">Of the value.</typeparam>
public sealed class RuleParameter<T> : RuleParameter
    where T : notnull
{
    private readonly Func<object?, T> _read;

    internal RuleParameter(string name, string type, T byDefault, string defaultText, string description, Func<object?, T> read)
        : base(name, type, defaultText, description) => (DefaultValue, _read) = (byDefault, read);

    /// <summary>The value without a binding's.</summary>
    public T DefaultValue { get; }

    internal override object Read(object? value) => _read(value);

    internal override string Write(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        IReadOnlyList<ushort> ports => TextOf(ports),
        IReadOnlyList<string> texts => string.Join('\0', texts),
        _ => throw new NotSupportedException($"Parameters of type {typeof(T)} have no text."),
    };
}
