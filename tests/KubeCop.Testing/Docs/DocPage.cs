using Markdig;
using Markdig.Extensions.AutoIdentifiers;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace KubeCop.Testing.Docs;

/// <summary>A page of the documentation, for tests of what it says.</summary>
public sealed class DocPage
{
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder()
        .UsePreciseSourceLocation()
        .UsePipeTables()
        .UseAutoIdentifiers(AutoIdentifierOptions.GitHub)
        .Build();

    private static readonly string[] Folders = ["docs", "charts"];

    private DocPage(string name)
    {
        Name = name;
        FullPath = Path.Combine(Root, name);
        Text = File.ReadAllText(FullPath);
        var document = Markdown.Parse(Text, Pipeline);
        Anchors = document.Descendants<HeadingBlock>().Select(static heading => heading.GetAttributes().Id ?? "").ToHashSet(StringComparer.Ordinal);
        Links = [.. document.Descendants<LinkInline>().Select(link => new DocLink(this, link.Line + 1, link.Url ?? ""))];
        Spans = [.. document.Descendants<CodeInline>().Select(span => new DocBlock(this, span.Line + 1, "span", "", span.Content))];
        Blocks =
        [
            .. document.Descendants<CodeBlock>().Select(block => block is FencedCodeBlock fenced
                ? new DocBlock(this, fenced.Line + 1, fenced.Info ?? "", fenced.Arguments ?? "", fenced.Lines.ToString())
                : new DocBlock(this, block.Line + 1, "indented", "", block.Lines.ToString())),
        ];
    }

    /// <summary>The directory of the working tree.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Every page of the working tree.</summary>
    public static IReadOnlyList<DocPage> All { get; } =
    [
        .. Directory.EnumerateFiles(Root, "*.md")
            .Concat(Folders.SelectMany(static folder => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.md", SearchOption.AllDirectories)))
            .Order(StringComparer.Ordinal)
            .Select(static file => new DocPage(Path.GetRelativePath(Root, file))),
    ];

    /// <summary>Its path in the working tree.</summary>
    public string Name { get; }

    public string FullPath { get; }

    public string Text { get; }

    /// <summary>The headings as links name them.</summary>
    public IReadOnlySet<string> Anchors { get; }

    public IReadOnlyList<DocLink> Links { get; }

    /// <summary>Code blocks in their order: fenced ones by the language they name, others as <c>indented</c>.</summary>
    public IReadOnlyList<DocBlock> Blocks { get; }

    /// <summary>Code within sentences.</summary>
    public IReadOnlyList<DocBlock> Spans { get; }

    /// <param name="name">As <c>docs/install.md</c>.</param>
    public static DocPage Of(string name) =>
        All.FirstOrDefault(page => page.Name == name) ?? throw new FileNotFoundException($"There is no page {name} below {Root}.");

    private static string FindRoot()
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "KubeCop.Orleans.sln")))
            {
                return at.FullName;
            }
        }

        throw new InvalidOperationException($"No KubeCop.Orleans.sln above {AppContext.BaseDirectory}.");
    }
}

/// <summary>A link, to wherever.</summary>
public sealed record DocLink(DocPage Page, int Line, string Target)
{
    public override string ToString() => $"{Page.Name}:{Line}: {Target}";
}

/// <summary>Code on a page.</summary>
/// <param name="Language">The first word behind the fence: <c>sh</c> is run, <c>console</c> has commands with what they write; nothing else is run.</param>
/// <param name="Arguments">The other words there.</param>
public sealed record DocBlock(DocPage Page, int Line, string Language, string Arguments, string Text)
{
    /// <summary>What of it is typed: of <c>console</c> the lines behind <c>$</c>, of <c>sh</c> and the like all but comments.</summary>
    public IReadOnlyList<DocCommand> Commands => Language == "console" ? [.. ConsoleCommands()] : [.. ScriptCommands()];

    public override string ToString() => $"{Page.Name}:{Line}";

    private IEnumerable<DocCommand> ScriptCommands()
    {
        var lines = Text.Split('\n');
        for (var index = 0; index < lines.Length; index++)
        {
            var (start, command) = (index, lines[index].Trim());
            while (command.EndsWith('\\') && index + 1 < lines.Length)
            {
                command = $"{command[..^1].TrimEnd()} {lines[++index].Trim()}";
            }

            if (command.Length > 0 && command[0] != '#')
            {
                yield return new DocCommand(Page, Line + 1 + start, command, []);
            }
        }
    }

    private IEnumerable<DocCommand> ConsoleCommands()
    {
        const string Prompt = "$ ";
        var lines = Text.Split('\n');
        for (var index = 0; index < lines.Length; index++)
        {
            if (lines[index].StartsWith(Prompt, StringComparison.Ordinal))
            {
                var output = lines.Skip(index + 1).TakeWhile(static line => !line.StartsWith(Prompt, StringComparison.Ordinal));
                yield return new DocCommand(Page, Line + 1 + index, lines[index][Prompt.Length..].Trim(), [.. output]);
            }
        }
    }
}

/// <summary>A command on a page, with what it writes there.</summary>
public sealed record DocCommand(DocPage Page, int Line, string Text, IReadOnlyList<string> Output)
{
    public override string ToString() => $"{Page.Name}:{Line}: {Text}";
}
