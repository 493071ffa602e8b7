using System.CommandLine;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using KubeCop.Core.Malware;
using KubeCop.Core.Rules;
using KubeCop.Host.Commands;
using KubeCop.Testing;
using KubeCop.Testing.Docs;
using KubeCop.Testing.Metrics;
using KubeCop.Tests.Host.Commands;
using Microsoft.Extensions.Configuration;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace KubeCop.Tests.Docs;

/// <summary>What the pages name, against what there is. That their commands do what they say is shown in KubeCop.Node.Tests.</summary>
public sealed partial class DocsTests
{
    /// <summary>The form of variables as the README explains it.</summary>
    private const string VariableForm = "KubeCop__Section__Name";

    private static readonly string[] SourceFolders = ["src", "tests", "tools"];
    private static readonly string[] CommandLanguages = ["sh", "console", "text", "indented", "span", ""];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Pages_Links_LeadToFilesAndHeadings()
    {
        var broken = DocPage.All.SelectMany(static page => page.Links)
            .Where(static link => !link.Target.Contains("://", StringComparison.Ordinal) && Fault(link) is not null)
            .Select(static link => $"{link}: {Fault(link)}");

        Assert.Empty(broken);
    }

    [Fact]
    public void Pages_Verbs_AndTheirOptionsExist()
    {
        var commands = DocPage.All
            .SelectMany(static page => page.Blocks.Concat(page.Spans))
            .Where(static block => CommandLanguages.Contains(block.Language))
            .SelectMany(static block => block.Commands)
            .SelectMany(static command => Call().Matches(command.Text).Select(call => (Command: command, Arguments: call.Groups["arguments"].Value)))
            .ToList();

        Assert.True(commands.Count > 50, $"Only {commands.Count} commands were found; the test looks for them in the wrong way.");
        Assert.Empty(commands.Select(static call => (call.Command, Fault: Fault(call.Arguments)))
            .Where(static call => call.Fault is not null)
            .Select(static call => $"{call.Command}: {call.Fault}"));
    }

    [Fact]
    public void Pages_Settings_Exist()
    {
        var known = KnownSettings.Read();
        var named = DocPage.All.SelectMany(static page => Setting().Matches(page.Text)
            .Where(static match => match.Value != VariableForm)
            .Select(match => (Page: page.Name, Key: match.Value.Replace("__", ":", StringComparison.Ordinal)))).Distinct().ToList();

        Assert.True(named.Count > 50, $"Only {named.Count} settings were found; the test looks for them in the wrong way.");
        Assert.Empty(named.Where(setting => !known.Has(setting.Key)).Select(static setting => $"{setting.Page}: there is no setting {setting.Key}"));
    }

    [Fact]
    public void Pages_Variables_AreReadSomewhere()
    {
        var sources = string.Concat(
            SourceFolders
                .SelectMany(static folder => Directory.EnumerateFiles(Path.Combine(DocPage.Root, folder), "*", SearchOption.AllDirectories))
                .Where(static file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
                .Where(static file => Path.GetExtension(file) is ".cs" or "" && !file.EndsWith("/DocsTests.cs", StringComparison.Ordinal))
                .Select(File.ReadAllText));
        var named = DocPage.All.SelectMany(static page => page.Spans)
            .Select(static span => (Span: span, Variable().Match(span.Text).Groups["name"].Value))
            .Where(static variable => variable.Value.Length > 0);

        Assert.Empty(named.Where(variable => !sources.Contains(variable.Value, StringComparison.Ordinal))
            .Select(static variable => $"{variable.Span}: nothing reads {variable.Value}"));
    }

    [Fact]
    public void Pages_Metrics_Exist()
    {
        // A chart's page names values, and files are named like metrics.
        var metrics = MetricPage.Load().Names.ToHashSet(StringComparer.Ordinal);
        var named = DocPage.All.Where(static page => page.Name != "docs/metrics.md")
            .SelectMany(static page => page.Blocks.Concat(page.Spans))
            .SelectMany(static code => Metric().Matches(code.Text).Select(match => (Code: code, Metric: match.Value)));

        Assert.Empty(named.Where(metric => !metrics.Contains(metric.Metric) && !metrics.Contains(Sample().Replace(metric.Metric, "")))
            .Select(static metric => $"{metric.Code}: there is no metric {metric.Metric}"));
    }

    [Fact]
    public void Pages_Rules_Exist()
    {
        var rules = RuleCatalog.Descriptors.Select(static rule => rule.Id).Append("R0000").Append(MalwareAlert.RuleId).ToHashSet(StringComparer.Ordinal);

        Assert.Empty(DocPage.All.Where(static page => !page.Name.StartsWith("docs/decisions/", StringComparison.Ordinal))
            .SelectMany(static page => Rule().Matches(page.Text).Select(match => (page.Name, Id: match.Value)))
            .Where(rule => !rules.Contains(rule.Id))
            .Select(static rule => $"{rule.Name}: there is no rule {rule.Id}"));
    }

    [Fact]
    public void Pages_JsonBlocks_AreJsonWithSettingsThatExist()
    {
        var known = KnownSettings.Read();
        var blocks = DocPage.All.SelectMany(static page => page.Blocks).Where(static block => block.Language == "json").ToList();

        Assert.NotEmpty(blocks);
        Assert.All(blocks, block =>
        {
            var text = block.Text.Replace("{…}", "{}", StringComparison.Ordinal);
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.TryGetProperty("KubeCop", out _))
            {
                using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
                var keys = new ConfigurationBuilder().AddJsonStream(stream).Build().AsEnumerable()
                    .Where(static pair => pair.Value is not null)
                    .Select(static pair => pair.Key);
                Assert.All(keys, key => Assert.True(known.Has(key), $"{block}: there is no setting {key}"));
            }
        });
    }

    [Fact]
    public void Pages_YamlBlocks_AreYaml()
    {
        foreach (var block in DocPage.All.SelectMany(static page => page.Blocks).Where(static block => block.Language == "yaml"))
        {
            try
            {
                new YamlStream().Load(new StringReader(block.Text));
            }
            catch (YamlException exception)
            {
                Assert.Fail($"{block}: {exception.Message}");
            }
        }
    }

    [Fact]
    public async Task Pages_Bindings_AreAccepted()
    {
        using var directory = new TestDirectory();
        var blocks = DocPage.All.SelectMany(static page => page.Blocks)
            .Where(static block => block.Language == "yaml" && block.Text.Contains("kind: RuntimeRuleAlertBinding", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(blocks);
        foreach (var (index, block) in blocks.Index())
        {
            var file = directory.Combine($"{index}.yaml");
            await File.WriteAllTextAsync(file, block.Text, Token);

            var (exitCode, _, error) = await CommandLine.RunAsync(["bindings", "check", file]);

            Assert.True(exitCode == 0, $"{block}: {error}");
        }
    }

    [Fact]
    public async Task Pages_HelmCommandsAndValues_AreTakenByTheChart()
    {
        var chart = Path.Combine(DocPage.Root, "charts", "kubecop");
        Assert.SkipUnless(File.Exists(Path.Combine(chart, "Chart.yaml")), "there is no chart in charts/kubecop yet");
        var helm = Commands.FindFetched("helm/helm") ?? Commands.FindFetched("kubectl/helm") ?? Commands.Find("helm");
        Assert.SkipWhen(helm is null, "helm is not installed; tools/test fetches it");
        using var directory = new TestDirectory();

        var installations = DocPage.All.SelectMany(static page => page.Blocks).Where(static block => block.Language == "sh")
            .SelectMany(static block => block.Commands)
            .Select(static command => (Command: $"{command}", Words: Words(command.Text)))
            .Where(static command => command.Words is ["helm", "install" or "upgrade", ..] && command.Words.Contains("charts/kubecop"))
            .Select(static command => (command.Command, Arguments: command.Words.Skip(2).Where(static word => word is not "--install")))
            .ToList();
        var values = DocPage.All.SelectMany(static page => page.Blocks).Where(static block => block is { Language: "yaml", Arguments: "values" }).ToList();
        foreach (var (index, block) in values.Index())
        {
            var file = directory.Combine($"{index}.yaml");
            await File.WriteAllTextAsync(file, block.Text, Token);
            installations.Add(($"{block}", ["kubecop", "charts/kubecop", "--values", file]));
        }

        Assert.NotEmpty(installations);
        foreach (var (command, arguments) in installations)
        {
            var result = await Commands.TryRunAsync(helm!, ["template", .. arguments.Select(word => word == "charts/kubecop" ? chart : word)]);
            Assert.True(result.ExitCode == 0, $"{command}: {result.Error}");
        }
    }

    private static string? Fault(DocLink link)
    {
        var parts = link.Target.Split('#', 2);
        var file = parts[0].Length == 0
            ? link.Page.FullPath
            : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(link.Page.FullPath)!, Uri.UnescapeDataString(parts[0])));
        if (!File.Exists(file) && !Directory.Exists(file))
        {
            return "there is no such file";
        }

        // Of other files the forge makes its own anchors, as #L10.
        return parts is [_, var anchor] && DocPage.All.FirstOrDefault(page => page.FullPath == file) is { } page && !page.Anchors.Contains(anchor)
            ? $"{page.Name} has no such heading"
            : null;
    }

    /// <returns>What of a call of the program there is not; null when there is all of it.</returns>
    private static string? Fault(string arguments)
    {
        Command command = KubeCopCommand.Create();
        var words = new Queue<string>(Words(arguments));
        while (words.TryDequeue(out var word))
        {
            word = word.Trim('[', ']', '…', ',');
            if (word.StartsWith('-'))
            {
                var name = word.Split('=')[0];
                if (name is "--help")
                {
                    continue;
                }

                if (command.Options.FirstOrDefault(option => option.Name == name || option.Aliases.Contains(name)) is not { } option)
                {
                    return $"kubecop {command.Name} has no option {name}";
                }

                if (option.ValueType != typeof(bool) && !word.Contains('=', StringComparison.Ordinal))
                {
                    words.TryDequeue(out _);
                }
            }
            else if (command.Subcommands.FirstOrDefault(verb => verb.Name == word) is { } verb)
            {
                command = verb;
            }
            else if (word.Length > 0 && command.Arguments.Count == 0)
            {
                return $"{command.Name} takes no {word}";
            }
        }

        return null;
    }

    /// <summary>As a shell splits them, as far as the pages need it.</summary>
    private static string[] Words(string text) => [.. Word().Matches(text).Select(static word => word.Value.Trim('"', '\''))];

    /// <summary>The program as the first word of a command, under whichever path, up to what is another command, a file or a remark.</summary>
    [GeneratedRegex(
        @"(^|ExecStart=|[(;]\s*|&& |\|\|? |\$ )([\w./]+/)?kubecop (?<arguments>[a-z\[-]([^|&;>#)]|(?<=[\w:])#)*)",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Call();

    [GeneratedRegex(@"""[^""]*""|'[^']*'|\S+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\bKubeCop(?::[A-Z][A-Za-z]+){2,}|\bKubeCop(?:__[A-Za-z0-9]+){2,}")]
    private static partial Regex Setting();

    [GeneratedRegex(
        "^(?<name>(KUBECOP|CLAMAV|EXPORTER|OPEN_IGNORE|SYSLOG|ALERTMANAGER|HTTP_ENDPOINT|STDOUT|FINALIZATION|STORE|NODE|POD|HOST|SAMPLING|RUNC|KUBERNETES_SERVICE)"
        + "_[A-Z_]+)(=.*)?$",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Variable();

    [GeneratedRegex(@"\bkubecop_[a-z][a-z_]*[a-z]\b(?!\.|/)")]
    private static partial Regex Metric();

    [GeneratedRegex("_(count|sum|bucket)$")]
    private static partial Regex Sample();

    [GeneratedRegex(@"\bR[0-9]{4}\b")]
    private static partial Regex Rule();
}
