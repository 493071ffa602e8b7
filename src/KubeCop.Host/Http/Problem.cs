using System.Text.Json;
using KubeCop.Grains.Abstractions;

namespace KubeCop.Host.Http;

/// <summary>Errors as application/problem+json (RFC 9457), for every status that has no body of its own.</summary>
internal static partial class Problem
{
    public const string ContentType = "application/problem+json";

    /// <param name="detail">What was wrong and what is accepted.</param>
    public static async Task WriteAsync(HttpContext context, int status, string detail)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = ContentType;
        var problem = new ProblemView(Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status), status, detail);
        await JsonSerializer.SerializeAsync(context.Response.Body, problem, ApiJson.Default.ProblemView, context.RequestAborted);
    }

    /// <summary>Around all endpoints.</summary>
    public static async Task Middleware(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (BadRequestException exception) when (!context.Response.HasStarted)
        {
            await WriteAsync(context, exception.Status, exception.Message);
            return;
        }
        catch (BadHttpRequestException exception) when (!context.Response.HasStarted)
        {
            await WriteAsync(context, exception.StatusCode, exception.Message);
            return;
        }
        catch (SiloAwayException exception) when (!context.Response.HasStarted)
        {
            await WriteAsync(context, StatusCodes.Status503ServiceUnavailable, exception.Message);
            return;
        }
        catch (Exception exception) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            LogErrorRequestFailed(context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Problem)), exception, context.Request.Path);
            await WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "The request could not be answered now; the log says why.");
            return;
        }

        if (context.Response is { HasStarted: false, StatusCode: >= 400, ContentType: null })
        {
            var detail = context.Response.StatusCode switch
            {
                StatusCodes.Status404NotFound => $"There is nothing at {context.Request.Path}.",
                StatusCodes.Status405MethodNotAllowed => $"{context.Request.Path} does not take {context.Request.Method}.",
                _ => $"{context.Request.Method} {context.Request.Path} was refused.",
            };
            await WriteAsync(context, context.Response.StatusCode, detail);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Request for {Path} failed.")]
    private static partial void LogErrorRequestFailed(ILogger logger, Exception exception, string path);
}

/// <summary>The request cannot be served as it is; the message tells what is accepted.</summary>
internal sealed class BadRequestException(string message, int status = StatusCodes.Status400BadRequest) : Exception(message)
{
    public int Status { get; } = status;
}
