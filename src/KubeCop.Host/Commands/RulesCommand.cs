using System.CommandLine;
using System.Text.Json;
using KubeCop.Core.Rules;
using KubeCop.Host.Bindings;
using KubeCop.Host.Http;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop rules</c>: the catalog; needs no running silo.</summary>
internal static class RulesCommand
{
    public static Command Create()
    {
        var json = CommonOptions.Json();
        var markdown = new Option<bool>("--markdown") { Description = "The page docs/rules.md." };
        var command = new Command("rules", "List the rules.") { json, markdown };
        command.Validators.Add(result =>
        {
            if (result.GetValue(json) && result.GetValue(markdown))
            {
                result.AddError("--json and --markdown exclude each other; give one of them.");
            }
        });
        command.SetAction(result =>
        {
            if (result.GetValue(markdown))
            {
                RuleMarkdown.Write(Console.Out);
            }
            else if (result.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(RuleView.List(DefaultBinding.Rules), ApiJson.Default.ItemListRuleView));
            }
            else
            {
                Write(RuleView.List(DefaultBinding.Rules).Items, Console.Out);
            }
        });
        return command;
    }

    private static void Write(IReadOnlyList<RuleView> rules, TextWriter output) =>
        TextTable.Write(
            output,
            ["id", "name", "severity", "events", "profile", "mitre", "description"],
            rules.Select(static rule => new[]
            {
                rule.Id, rule.Name, rule.Severity, string.Join(", ", rule.Events), rule.NeedsProfile ? "needed" : "-", rule.Mitre.Id, rule.Description,
            }));
}
