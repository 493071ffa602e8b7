using System.Buffers;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KubeCop.Exporters.Stdout;
using KubeCop.Host.Client;
using KubeCop.Host.Http;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop alerts</c>: the alerts the silo keeps, and with <c>--follow</c> those that come.</summary>
internal static class AlertsCommand
{
    private const int WaitSeconds = 30;

    public static Command Create()
    {
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with the alerts that come, until interrupted." };
        var limit = new Option<int>("--limit", "-n") { Description = "The most alerts to show of those kept, the newest.", HelpName = "N", DefaultValueFactory = static _ => 100 };
        limit.Validators.Add(static result =>
        {
            if (result.Tokens is [var token] && !(int.TryParse(token.Value, out var number) && number >= 0))
            {
                result.AddError($"--limit '{token.Value}' is not accepted; expected a number from 0.");
            }
        });
        var output = new Option<string>("--output") { Description = "text or json (one alert a line). Default: text on a terminal, else json.", HelpName = "text|json" };
        output.AcceptOnlyFromAmong("text", "json");
        var command = new Command("alerts", "Show the last alerts.") { follow, limit, output, CreateTest() };
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var node = client.Connect(result);
            var text = result.GetValue(output) is { } format ? format == "text" : !Console.IsOutputRedirected;
            var last = await WriteAsync(node, $"api/v1/alerts?limit={result.GetValue(limit)}", text, cancellationToken);
            if (!result.GetValue(follow))
            {
                return ExitCode.Success;
            }

            last ??= await NewestAsync(node, cancellationToken);
            while (!cancellationToken.IsCancellationRequested)
            {
                last = await WriteAsync(node, $"api/v1/alerts?wait={WaitSeconds}&after={Uri.EscapeDataString(last ?? "")}", text, cancellationToken) ?? last;
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateTest()
    {
        var json = CommonOptions.Json();
        var command = new Command("test", "Send a test alert through every exporter and show what each receiver answers; exit 1 when one does not take it.") { json };
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var node = client.Connect(result);
            var answer = await node.PostAsync("api/v1/alerts/test", new ByteArrayContent([]), cancellationToken);
            var tests = JsonSerializer.Deserialize(answer, ApiJson.Default.ItemListTestDeliveryView)!.Items;
            if (result.GetValue(json))
            {
                Console.Out.WriteLine(answer);
            }
            else
            {
                TextTable.Write(Console.Out, ["EXPORTER", "RECEIVER", "RESULT", "MS", "ANSWER"], tests.Select(static test => new[]
                {
                    test.Exporter, test.Receiver, test.Delivered ? "delivered" : "FAILED", test.Milliseconds.ToString("0", CultureInfo.InvariantCulture), test.Answer,
                }));
            }

            return tests.All(static test => test.Delivered) ? ExitCode.Success : ExitCode.Failure;
        });
        return command;
    }

    /// <returns>The id of the last alert written; null when there was none.</returns>
    private static async Task<string?> WriteAsync(NodeClient node, string path, bool text, CancellationToken cancellationToken)
    {
        using var alerts = JsonDocument.Parse(await node.GetBytesAsync(path, cancellationToken));
        await using var output = Console.OpenStandardOutput();
        string? last = null;
        foreach (var item in alerts.RootElement.GetProperty("items").EnumerateArray())
        {
            var json = JsonSerializer.SerializeToUtf8Bytes(item, ApiJson.Default.JsonElement);
            var buffer = new ArrayBufferWriter<byte>();
            if (text)
            {
                AlertText.Write(buffer, AlertLine.Parse(json), colour: !Console.IsOutputRedirected);
            }
            else
            {
                buffer.Write(json);
                buffer.Write("\n"u8);
            }

            await output.WriteAsync(buffer.WrittenMemory, cancellationToken);
            last = item.GetProperty("id").GetString();
        }

        return last;
    }

    private static async Task<string?> NewestAsync(NodeClient node, CancellationToken cancellationToken)
    {
        using var alerts = JsonDocument.Parse(await node.GetBytesAsync("api/v1/alerts?limit=1", cancellationToken));
        return alerts.RootElement.GetProperty("items") is { } items && items.GetArrayLength() > 0 ? items[0].GetProperty("id").GetString() : null;
    }
}
