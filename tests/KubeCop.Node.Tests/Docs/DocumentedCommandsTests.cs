using KubeCop.Testing;
using KubeCop.Testing.Docs;

namespace KubeCop.Node.Tests.Docs;

/// <summary>The commands of the pages, on the real kernel and in a real container, do what the pages say.</summary>
public sealed class DocumentedCommandsTests(DocumentedNode node) : IClassFixture<DocumentedNode>
{
    /// <summary>In the order in which they are read: each goes on where the one before ended.</summary>
    private static readonly string[] First = ["docs/first-alert.md", "docs/learning.md", "docs/tuning.md", "docs/operations.md"];

    [RealContainersFact]
    public async Task Commands_RunInTheirOrder_WriteWhatThePagesShow()
    {
        var blocks = First.Select(DocPage.Of).Concat(DocPage.All.Where(static page => !First.Contains(page.Name)))
            .SelectMany(static page => page.Blocks)
            .Where(static block => block.Language is "sh" or "console")
            .ToList();
        Assert.True(blocks.Count(static block => block.Language == "console") >= 5, "The pages have lost their commands, or the test does not find them.");

        foreach (var command in blocks.SelectMany(static block => block.Commands).Where(static command => !DocumentedNode.IsElsewhere(command)))
        {
            await CheckAsync(command);
        }
    }

    // What kubecop is asked is asked again until it is so, as who reads the page would: learning takes its time, and an alert a moment.
    private async Task CheckAsync(DocCommand command)
    {
        TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
        if (command.Text.StartsWith("tools/kubecop ", StringComparison.Ordinal) && command.Output.Count > 0)
        {
            await Wait.UntilAsync(() => node.RunAsync(command), result => Shows(command, result), $"such output of {command}", TimeSpan.FromMinutes(2), TimeSpan.FromSeconds(1));
            return;
        }

        var result = await node.RunAsync(command);
        Assert.True(Shows(command, result), $"{command}: exit code {result.ExitCode}, and it wrote:\n{result.Output}");
    }

    private static bool Shows(DocCommand command, (int ExitCode, string Output) result) =>
        result.ExitCode == 0 && ExpectedOutput.Matches(command.Output, result.Output);
}
