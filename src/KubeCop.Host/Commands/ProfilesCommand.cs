using System.CommandLine;
using KubeCop.Host.Configuration;
using KubeCop.Host.Http;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop profiles</c>: what was learned; and what adds to it or puts something else in its place.</summary>
internal static class ProfilesCommand
{
    public static Command Create()
    {
        var command = new Command("profiles", "What was learned of each workload. Without a verb of its own: list.")
        {
            Listing(new Command("list", "List the profiles.")), CreateShow(), CreateExport(), CreateDiff(), CreateImport(), CreateAllow(), CreateRelearn(),
        };
        return Listing(command);
    }

    private static Command Listing(Command command)
    {
        var json = CommonOptions.Json();
        command.Add(json);
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var node = client.Connect(result);
            if (result.GetValue(json))
            {
                await Raw.WriteAsync(node, "api/v1/profiles", cancellationToken, isGuarded: true);
                return ExitCode.Success;
            }

            var profiles = await node.GetAsync("api/v1/profiles", ApiJson.Default.ItemListProfileView, cancellationToken, isGuarded: true);
            ProfileText.WriteList(profiles.Items, Console.Out);
            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateShow()
    {
        var json = CommonOptions.Json();
        var name = Name();
        var command = new Command("show", "Show one profile.") { name, json };
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var node = client.Connect(result);
            var path = ProfileName.Parse(result.GetRequiredValue(name)).Path();
            if (result.GetValue(json))
            {
                await Raw.WriteAsync(node, path, cancellationToken, isGuarded: true);
                return ExitCode.Success;
            }

            ProfileText.Write(await node.GetAsync(path, ApiJson.Default.ProfileView, cancellationToken, isGuarded: true), Console.Out);
            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateExport()
    {
        var name = Name();
        var command = new Command("export", "Write one profile as the YAML of an ApplicationProfile.") { name };
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var node = client.Connect(result);
            var path = ProfileName.Parse(result.GetRequiredValue(name)).Path();
            var profile = await node.GetAsync(path, ApiJson.Default.ProfileView, cancellationToken, isGuarded: true);
            if (profile.State == "learning")
            {
                Console.Error.WriteLine($"{profile.Name} still learns, for {Duration.Format(TimeSpan.FromSeconds(profile.RemainingSeconds))}: what it does later is missing here.");
            }

            ProfileYaml.Write(profile, Console.Out);
            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateDiff()
    {
        var before = new Argument<string>("A") { Description = "A profile's name as in 'profiles list', or the file of an ApplicationProfile." };
        var after = new Argument<string>("B") { Description = "Another one." };
        var command = new Command("diff", "Show what profile A has and B has not (-), and B has and A has not (+). Exit code 1 if they differ.") { before, after };
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            return ProfileDifference.Write(await LinesOfAsync(before), await LinesOfAsync(after), Console.Out) ? ExitCode.Success : ExitCode.Failure;

            async Task<IReadOnlySet<string>> LinesOfAsync(Argument<string> argument)
            {
                var given = result.GetRequiredValue(argument);
                if (File.Exists(given))
                {
                    return ProfileDifference.ReadLines(given);
                }

                using var node = client.Connect(result);
                return ProfileDifference.LinesOf(await node.GetAsync(ProfileName.Parse(given).Path(), ApiJson.Default.ProfileView, cancellationToken, isGuarded: true));
            }
        });
        return command;
    }

    private static Command CreateImport()
    {
        var file = new Argument<string>("FILE") { Description = "The YAML or JSON of an ApplicationProfile: KubeCop's own, or one of 'profiles export'." };
        var ns = new Option<string>("--namespace") { Description = "The workload's namespace. Default: the one in the file.", HelpName = "NAMESPACE" };
        var command = new Command("import", "Put a profile from a file in force, also before its workload runs. Nothing is learned for its containers then.") { file, ns };
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            var name = result.GetRequiredValue(file);
            var content = ProfileFile.Read(name);
            using var node = client.Connect(result);
            var query = $"?source={Uri.EscapeDataString(name)}" + (result.GetValue(ns) is { } given ? $"&namespace={Uri.EscapeDataString(given)}" : "");
            Tell("imported", await node.PostAsync($"api/v1/profiles{query}", new ByteArrayContent(content), cancellationToken));
            return ExitCode.Success;
        });
        return command;
    }

    private static Command CreateAllow()
    {
        var name = Name();
        var container = new Option<string>("--container") { Description = "Name of the container in its workload.", HelpName = "NAME", Required = true };
        var exec = Several("--exec", "PATH", "A program's path as it is invoked, absolute.");
        var executable = new Option<string>("--executable") { Description = "What the programs' paths lead to. Default: whatever they lead to.", HelpName = "PATH" };
        var argument = Several("--arg", "ARGUMENT", "An argument of the program, in their order, as --arg=-c --arg=id. Without any the program may have whichever.");
        var open = Several("--open", "PATH", "A file's path, absolute; a name in it that is ⋯ stands for any, * at its end for one or more.");
        var flags = new Option<string>("--flags") { Description = "How the files are opened, as in the profile: O_RDONLY,O_CLOEXEC. Default: O_RDONLY.", HelpName = "FLAGS" };
        var syscall = Several("--syscall", "NAME", "A system call.");
        var capability = Several("--capability", "CAP[:SYSCALL]", "A capability, as NET_ADMIN:socket; without a system call in all of them.");
        var refused = Several("--refused-capability", "CAP[:SYSCALL]", "A capability that may be asked for in vain, but not used.");
        var dns = Several("--dns", "NAME", "A name that is looked up.");
        var connect = Several("--connect", "PROTO:ADDRESS:PORT", "An outgoing connection, as tcp:10.96.0.1:443 or udp:[fd00::a]:53.");
        var incoming = Several("--incoming", "PROTO:PORT", "A port where others reach the container, as tcp:8080.");
        var command = new Command("allow", "Add behaviour to a profile in force.")
        {
            name, container, exec, executable, argument, open, flags, syscall, capability, refused, dns, connect, incoming,
        };
        Option<string[]>[] behaviour = [exec, open, syscall, capability, refused, dns, connect, incoming];
        command.Validators.Add(result =>
        {
            if (behaviour.All(option => result.GetResult(option) is null))
            {
                result.AddError($"Nothing to allow: give {string.Join(" or ", behaviour.Select(static option => $"{option.Name} {option.HelpName}"))}.");
            }

            if (result.GetResult(argument) is not null && result.GetValue(exec)?.Length != 1)
            {
                result.AddError("--arg tells what a program is started with; give one --exec PATH with it.");
            }

            if (result.GetResult(flags) is not null && result.GetResult(open) is null)
            {
                result.AddError("--flags tells how files are opened; give --open PATH with it.");
            }

            if (result.GetResult(executable) is not null && result.GetResult(exec) is null)
            {
                result.AddError("--executable tells what programs' paths lead to; give --exec PATH with it.");
            }
        });
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var node = client.Connect(result);
            var profile = ProfileName.Parse(result.GetRequiredValue(name));
            var request = new AllowRequest(
                result.GetRequiredValue(container),
                Given(exec),
                [.. Given(open).Select(path => new AllowedOpen(path, (result.GetValue(flags) ?? "O_RDONLY").Split(',', StringSplitOptions.TrimEntries)))],
                Given(syscall),
                Given(capability),
                Given(dns),
                Given(connect),
                result.GetValue(executable),
                Given(refused),
                Given(incoming),
                Given(argument));
            Tell("allowed", await node.PostAsync(profile.Path("/allow"), request, ApiJson.Default.AllowRequest, cancellationToken));
            return ExitCode.Success;

            string[] Given(Option<string[]> option) => result.GetValue(option) ?? [];
        });
        return command;
    }

    private static Command CreateRelearn()
    {
        var name = Name();
        var command = new Command(
            "relearn",
            "Forget what was learned or imported, and learn anew. What was learned before guards meanwhile. Restart the workload to have it learned from its start.") { name };
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var node = client.Connect(result);
            Tell("learning anew", await node.PostAsync(ProfileName.Parse(result.GetRequiredValue(name)).Path("/relearn"), new ByteArrayContent([]), cancellationToken));
            return ExitCode.Success;
        });
        return command;
    }

    private static void Tell(string done, string remark) => Console.Error.WriteLine(remark.Length == 0 ? done : $"{done}. {remark}");

    private static Option<string[]> Several(string name, string form, string description) =>
        new(name) { Description = $"{description} May be given more than once.", HelpName = form };

    private static Argument<string> Name() => new("NAME") { Description = "NAMESPACE/NAME as in the list; the namespace may be left out where the name says which." };
}

/// <summary>How the command line names a profile.</summary>
internal sealed record ProfileName(string? Namespace, string Name)
{
    public static ProfileName Parse(string text) =>
        text.IndexOf('/') is var slash and >= 0 ? new ProfileName(text[..slash], text[(slash + 1)..]) : new ProfileName(null, text);

    public string Path(string suffix = "") =>
        $"api/v1/profiles/{Uri.EscapeDataString(Name)}{suffix}" + (Namespace is null ? "" : $"?namespace={Uri.EscapeDataString(Namespace)}");
}
