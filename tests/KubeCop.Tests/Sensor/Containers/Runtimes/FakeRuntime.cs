using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace KubeCop.Tests.Sensor.Containers.Runtimes;

/// <summary>A runtime on a unix socket that answers what a test says: CRI by the method's name, docker's API by path.</summary>
internal sealed class FakeRuntime : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeRuntime(WebApplication app) => _app = app;

    /// <summary>Methods or paths asked for, in their order.</summary>
    public List<string> Asked { get; } = [];

    /// <param name="socket">Where it listens.</param>
    /// <param name="answer">A CRI method's answer by its name; null for one that is not found.</param>
    public static Task<FakeRuntime> CriAsync(string socket, Func<string, IMessage?> answer) => StartAsync(socket, HttpProtocols.Http2, async (context, asked) =>
    {
        var method = context.Request.Path.Value!.Split('/')[^1];
        asked.Add(method);
        await context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted);
        context.Response.ContentType = "application/grpc";
        if (answer(method) is { } message)
        {
            // gRPC over HTTP/2: a byte for compression, four for the length, the message.
            var frame = new byte[5 + message.CalculateSize()];
            BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), frame.Length - 5);
            message.WriteTo(frame.AsSpan(5));
            await context.Response.Body.WriteAsync(frame, context.RequestAborted);
        }

        context.Response.AppendTrailer("grpc-status", answer(method) is null ? "5" : "0");
    });

    /// <param name="socket">Where it listens.</param>
    /// <param name="answer">The JSON of a path; null for what is not found.</param>
    public static Task<FakeRuntime> DockerAsync(string socket, Func<string, string?> answer) => StartAsync(socket, HttpProtocols.Http1, async (context, asked) =>
    {
        var path = context.Request.Path.Value!;
        asked.Add(path);
        context.Response.ContentType = "application/json";
        if (answer(path) is { } json)
        {
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(json), context.RequestAborted);
        }
        else
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
        }
    });

    /// <summary>Listens and says nothing, or something that is no answer.</summary>
    public static Socket Mute(string socket, string? says = null)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(socket));
        listener.Listen();
        if (says is not null)
        {
            _ = SayAsync();
        }

        return listener;

        async Task SayAsync()
        {
            try
            {
                while (true)
                {
                    using var connection = await listener.AcceptAsync();
                    await connection.SendAsync(Encoding.UTF8.GetBytes(says));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The end of the test.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync(new CancellationToken(canceled: true));
        await _app.DisposeAsync();
    }

    private static async Task<FakeRuntime> StartAsync(string socket, HttpProtocols protocols, Func<HttpContext, List<string>, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenUnixSocket(socket, listen => listen.Protocols = protocols));
        var runtime = new FakeRuntime(builder.Build());
        runtime._app.Run(context => answer(context, runtime.Asked));
        await runtime._app.StartAsync();
        return runtime;
    }
}
