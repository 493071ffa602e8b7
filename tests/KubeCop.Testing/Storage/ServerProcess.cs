using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace KubeCop.Testing.Storage;

/// <summary>A server program of the test run's own. It ends with the run, however that ends: a guard ends it when its standard input does.</summary>
public sealed class ServerProcess : IAsyncDisposable
{
    private const string Guard = """
        log=$1 signal=$2; shift 2
        exec 3<&0
        "$@" </dev/null >"$log" 2>&1 & child=$!
        exec 2>/dev/null
        (cat <&3 >/dev/null; kill -"$signal" "$child") &
        wait "$child"
        """;

    private readonly Process _guard;
    private readonly string _log;

    private ServerProcess(Process guard, string log) => (_guard, _log) = (guard, log);

    /// <summary>A port that is free on loopback, as far as one can know.</summary>
    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <summary>Starts it and waits until it answers.</summary>
    /// <param name="log">The file that gets what it says.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="answers">Whether it can be used.</param>
    /// <param name="signal">What ends it, with all it has stored.</param>
    public static async Task<ServerProcess> StartAsync(
        string log, IEnumerable<string> command, Func<Task<bool>> answers, string signal = "TERM", IReadOnlyDictionary<string, string>? environment = null)
    {
        // In a session of its own: Ctrl-C at the test run must not reach it before its tests have ended.
        var start = new ProcessStartInfo(Commands.Find("setsid")!, ["sh", "-c", Guard, "guard", log, signal, .. command]) { RedirectStandardInput = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        var server = new ServerProcess(Process.Start(start)!, log);
        try
        {
            await Wait.UntilAsync(
                async () => server._guard.HasExited ? throw new InvalidOperationException($"{string.Join(' ', command)} ended: {server.ReadLog()}") : await answers(),
                static answer => answer,
                $"answer of {string.Join(' ', command)}");
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Whether somebody listens there.</summary>
    public static async Task<bool> ListensAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _guard.StandardInput.Close();
        await _guard.WaitForExitAsync();
        _guard.Dispose();
    }

    private string ReadLog() => File.Exists(_log) ? File.ReadAllText(_log) : "no log";
}
