using System.CommandLine;
using KubeCop.Host.Configuration;
using KubeCop.Host.Recording;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop record</c></summary>
internal static class RecordCommand
{
    private const int DefaultMebibytes = 1024;

    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "The recording; must not exist yet." };
        var duration = new Option<string>("--duration") { Description = "How long: 90s, 15m, 12h. Default: until Ctrl-C.", HelpName = "DURATION" };
        var size = new Option<int>("--max-mib")
        {
            Description = "The recording ends when its file has grown to this many MiB.",
            HelpName = "MIB",
            DefaultValueFactory = static _ => DefaultMebibytes,
        };
        var command = new Command("record", "Write what the sensor sees to a file, for replay. It holds arguments of programs, and so perhaps secrets.") { file, duration, size };
        command.SetAction((result, cancellationToken) =>
        {
            TimeSpan? limit = null;
            if (result.GetValue(duration) is { } text)
            {
                limit = Duration.TryParse(text, out var parsed) && parsed > TimeSpan.Zero
                    ? parsed
                    : throw new UsageException($"--duration '{text}' is not {Duration.Accepted}.");
            }

            var mebibytes = result.GetValue(size);
            return mebibytes > 0
                ? RecordRun.RunAsync(CommonOptions.File(result, file), limit, mebibytes * 1048576L, Settings.Load([]), cancellationToken)
                : throw new UsageException($"--max-mib {mebibytes} is not accepted; expected at least 1.");
        });
        return command;
    }
}
