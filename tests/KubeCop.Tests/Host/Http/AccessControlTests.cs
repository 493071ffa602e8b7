using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using KubeCop.Host.Http;
using KubeCop.Host.Node;
using KubeCop.Host.Silo;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using KubeCop.Testing.Storage;
using KubeCop.Tests.Host.Commands;
using KubeCop.Tests.Host.Node;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Tests.Host.Http;

/// <summary>Who may request what, of a node that others reach.</summary>
public sealed class AccessControlTests(RemoteNodeFixture remote) : IClassFixture<RemoteNodeFixture>
{
    private const string Reader = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: kubecop-view}
        rules:
        - {nonResourceURLs: ["/kubecop/*", /metrics], verbs: [get]}
        """;

    /// <summary>What Kubernetes itself gives everybody who has signed in (plugin/pkg/auth/authorizer/rbac/bootstrappolicy of kubernetes).</summary>
    private const string Discovery = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: system:discovery}
        rules:
        - {nonResourceURLs: [/api, /api/*, /apis, /apis/*, /healthz, /livez, /openapi, /openapi/*, /readyz, /version, /version/], verbs: [get]}
        """;

    private static readonly string[] Methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE"];

    private static readonly string[] Public = ["/healthz/live", "/healthz/startup", "/healthz/ready", "/dashboard/sign-in"];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EveryRoute_AskedForWithoutAToken_IsRefusedAndTellsNothing()
    {
        var routes = RoutesOf(remote.Node.Services).ToList();
        Assert.True(routes.Count >= 15, $"Only {routes.Count} routes are known: {string.Join(", ", routes)}");
        Assert.All(Public, path => Assert.Contains(("GET", path), routes));
        foreach (var (method, path) in routes)
        {
            using var answer = await SendAsync(method, path);
            if (method == "GET" && Public.Contains(path))
            {
                Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{path} is open to everybody and answered {answer.StatusCode}.");
                continue;
            }

            await AssertRefusedAsync(answer, HttpStatusCode.Unauthorized, $"{method} {path}");
        }
    }

    [Fact]
    public async Task EveryRouteOfTheDashboard_AskedForWithoutAToken_IsRefused_AndNoneChangesAnything()
    {
        // Its own routes are made when somebody first looks.
        Assert.Equal(HttpStatusCode.OK, (await SendAsync("GET", "/dashboard/version", remote.Token)).StatusCode);
        var routes = RoutesOf(remote.Node.Services.GetRequiredService<SiloHost>().Services).ToList();
        Assert.Contains(("GET", "/dashboard/GrainState"), routes);
        Assert.True(routes.Count >= 15, $"Only {routes.Count} routes of the dashboard are known: {string.Join(", ", routes)}");

        foreach (var (method, path) in routes)
        {
            Assert.True(method == "GET", $"{method} {path} of Orleans' dashboard may change something.");
            using var answer = await SendAsync(method, path);
            await AssertRefusedAsync(answer, HttpStatusCode.Unauthorized, $"{method} {path}");
        }
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/nothing/here")]
    [InlineData("/api")]
    [InlineData("/debug")]
    [InlineData("/debug/pprof/")]
    [InlineData("/metrics/")]
    [InlineData("/healthz")]
    [InlineData("/healthz//live")]
    [InlineData("/DASHBOARD/grainstate")]
    [InlineData("/dashboard/sign-in/x")]
    [InlineData("/API/V1/node")]
    public async Task Path_OfNothingOrWrittenOddly_IsRefused(string path)
    {
        using var answer = await SendAsync("GET", path);
        await AssertRefusedAsync(answer, HttpStatusCode.Unauthorized, path);
        using var change = await SendAsync("POST", path);
        await AssertRefusedAsync(change, HttpStatusCode.Unauthorized, path);
    }

    /// <summary>Whatever a route is written like, and asked for with.</summary>
    [Fact]
    public async Task EveryRoute_WrittenInEveryWay_IsRefusedWithoutAToken()
    {
        var open = new HashSet<string>();
        foreach (var (_, path) in RoutesOf(remote.Node.Services).Concat(RoutesOfDashboard).Where(static route => !Public.Contains(route.Path)).DistinctBy(static route => route.Path))
        {
            foreach (var target in RawRequest.Variants(remote.Http.BaseAddress!, path))
            {
                foreach (var method in Methods)
                {
                    var status = await RawRequest.SendAsync(remote.Http.BaseAddress!, method, target, token: null, Cancelled);
                    Assert.True(status is 400 or 401, $"{method} {target} without a token was answered {status}.");
                }

                if (await RawRequest.SendAsync(remote.Http.BaseAddress!, "GET", target, remote.Token, Cancelled) == 200)
                {
                    open.Add(target);
                }
            }
        }

        // Those that could have been open are among them.
        Assert.Superset(
            new HashSet<string>
            {
                "/API/V1/NODE", "/metrics/", "/healthz/live/../../metrics", "/dashboard/./GrainState", "/dashboard/GRAINSTATE", "/dashboard/%47rainState", "/api/v1/x/%2e%2e/profiles",
            },
            open);
    }

    /// <summary>On loopback what is open is next to what is not.</summary>
    [Fact]
    public async Task GuardedRoute_OnLoopback_WrittenInEveryWay_IsNeverServedWithoutTheToken()
    {
        using var directory = new TemporaryDirectory();
        var data = Path.Combine(directory.Path, "data");
        var (node, http) = await remote.StartAsync(data, IPAddress.Loopback);
        await using (node)
        {
            using (http)
            {
                var token = (await File.ReadAllTextAsync(NodeFiles.TokenFile(data), Cancelled)).Trim();
                var guarded = RoutesOf(node.Services, EndpointAccess.Guarded).ToList();
                Assert.Superset(
                    new HashSet<(string, string)> { ("GET", "/api/v1/profiles"), ("GET", "/api/v1/profiles/x"), ("POST", "/api/v1/profiles"), ("GET", "/dashboard/GrainState") }, guarded.ToHashSet());
                var served = new HashSet<string>();
                foreach (var path in guarded.Select(static route => route.Path).Distinct())
                {
                    foreach (var target in RawRequest.Variants(http.BaseAddress!, path))
                    {
                        foreach (var method in Methods)
                        {
                            var status = await RawRequest.SendAsync(http.BaseAddress!, method, target, token: null, Cancelled);
                            Assert.True(status is 400 or 401 or 404 or 405 or 421, $"{method} {target} on loopback without the token was answered {status}.");
                            var with = await RawRequest.SendAsync(http.BaseAddress!, method, target, token, Cancelled);
                            Assert.True(with >= 300 || status == 401, $"{method} {target} was answered {with} with the token and {status} without.");
                            if (with == 200)
                            {
                                served.Add($"{method} {target}");
                            }
                        }
                    }
                }

                Assert.Superset(
                    new HashSet<string>
                    {
                        "GET /api/v1/profiles", "GET /api/v1/profiles/", "GET /API/V1/PROFILES", "GET /api/v1/./profiles", "GET /healthz/live/../../api/v1/profiles",
                        "GET /api/v1/%70rofiles", "GET /dashboard/GrainState", "GET /dashboard/GRAINSTATE", "GET /dashboard/x/../GrainState", "GET /dashboard/%47rainState",
                    },
                    served);
            }
        }
    }

    [Fact]
    public void Routes_OfProfilersAndTheLike_AreNotThere() => Assert.DoesNotContain(
        RoutesOf(remote.Node.Services), static route => route.Path.Contains("debug", StringComparison.OrdinalIgnoreCase) || route.Path.Contains("prof/", StringComparison.OrdinalIgnoreCase));

    [Fact]
    public void EveryRoute_SaysWhoMayRequestIt() => Assert.All(
        remote.Node.Services.GetRequiredService<EndpointDataSource>().Endpoints,
        static endpoint => Assert.True(endpoint.Metadata.GetMetadata<EndpointAccess>() is not null, $"{endpoint} does not say it."));

    [Theory]
    [InlineData("X-Forwarded-For", "127.0.0.1")]
    [InlineData("X-Real-IP", "127.0.0.1")]
    [InlineData("Forwarded", "for=127.0.0.1")]
    [InlineData("Host", "localhost")]
    public async Task Header_ThatSaysLoopback_IsNotBelieved(string header, string value)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/node");
        request.Headers.TryAddWithoutValidation(header, value);
        using var answer = await remote.Http.SendAsync(request, Cancelled);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1", true)]
    [InlineData("127.0.0.1", "127.9.9.9", true)]
    [InlineData("::1", "::1", true)]
    [InlineData("::ffff:127.0.0.1", "::ffff:127.0.0.2", true)]
    [InlineData("10.0.0.1", "127.0.0.1", false)]
    [InlineData("127.0.0.1", "10.0.0.1", false)]
    [InlineData("10.0.0.1", "10.0.0.1", false)]
    [InlineData("::", "::1", false)]
    [InlineData(null, "127.0.0.1", false)]
    [InlineData("127.0.0.1", null, false)]
    public void Connection_IsLocal_WhenBothEndsAreLoopback(string? local, string? other, bool isLocal)
    {
        var connection = new DefaultHttpContext().Connection;
        connection.LocalIpAddress = local is null ? null : IPAddress.Parse(local);
        connection.RemoteIpAddress = other is null ? null : IPAddress.Parse(other);
        Assert.Equal(isLocal, AccessControl.IsLocal(connection));
    }

    [Theory]
    [InlineData("/api/v1/node")]
    [InlineData("/api/v1/profiles")]
    [InlineData("/metrics")]
    [InlineData("/dashboard/version")]
    [InlineData("/dashboard/GrainTypes")]
    public async Task Token_OfTheSilo_OpensEverything(string path)
    {
        using var answer = await SendAsync("GET", path, remote.Token);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var nothing = await SendAsync("GET", "/nothing/here", remote.Token);
        Assert.Equal(HttpStatusCode.NotFound, nothing.StatusCode);
    }

    [Theory]
    [InlineData("Bearer wrong")]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("Basic TOKEN")]
    [InlineData("TOKEN")]
    [InlineData("Bearer TOKEN0")]
    [InlineData("Bearer TOKEN, Bearer x")]
    public async Task Authorization_ThatIsNotTheTokens_IsRefused(string header)
    {
        using var answer = await PatientlyAsync(() =>
        {
            var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/node");
            request.Headers.TryAddWithoutValidation("Authorization", header.Replace("TOKEN", remote.Token, StringComparison.Ordinal));
            return request;
        });
        await AssertRefusedAsync(answer, HttpStatusCode.Unauthorized, header);
        Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.ToString());
    }

    [Fact]
    public async Task TokenOfTheCluster_WithTheRight_OpensWhatItIsFor()
    {
        var token = remote.Api.AddUser("system:serviceaccount:monitoring:reader", AccessRule.FromYaml(Reader));

        foreach (var path in (string[])["/api/v1/node", "/api/v1/profiles", "/metrics", "/dashboard/version", "/dashboard/GrainTypes"])
        {
            using var answer = await SendAsync("GET", path, token);
            Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{path} answered {answer.StatusCode}.");
        }

        using var change = await SendAsync("POST", "/api/v1/profiles/container-x/relearn", token);
        await AssertRefusedAsync(change, HttpStatusCode.Forbidden, "a change by who may read");
        Assert.Contains(
            "nonResourceURLs: [\"/kubecop/api/v1/profiles/container-x/relearn\"], verbs: [\"post\"]", await DetailAsync(change), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TokenOfTheCluster_WithTheRightToChange_Changes()
    {
        var token = remote.Api.AddUser("changer", AccessRule.FromYaml(Reader.Replace("[get]", "[get, post]", StringComparison.Ordinal)));
        using var answer = await SendAsync("POST", "/api/v1/profiles/container-nobody/relearn", token);
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task TokenOfTheCluster_WithoutTheRight_IsRefused_AlsoWithWhatEverybodyHas()
    {
        var token = remote.Api.AddUser("anybody", AccessRule.FromYaml(Discovery));
        foreach (var path in (string[])["/api/v1/node", "/api/v1/profiles", "/metrics", "/dashboard/version"])
        {
            using var answer = await SendAsync("GET", path, token);
            await AssertRefusedAsync(answer, HttpStatusCode.Forbidden, path);
        }
    }

    [Fact]
    public async Task TokenOfTheCluster_ThatIsRevoked_IsUnknown()
    {
        var token = remote.Api.AddUser("gone", AccessRule.Everything);
        remote.Api.RevokeToken(token);
        using var answer = await SendAsync("GET", "/api/v1/node", token);
        await AssertRefusedAsync(answer, HttpStatusCode.Unauthorized, "a token that is revoked");
    }

    [Fact]
    public async Task TokenOfPrometheus_WithTheRightItHasInMostClusters_ReadsMetricsAlone()
    {
        var token = remote.Api.AddUser("system:serviceaccount:monitoring:prometheus", AccessRule.FromYaml(Reader.Replace("\"/kubecop/*\", ", "", StringComparison.Ordinal)));
        using var metrics = await SendAsync("GET", "/metrics", token);
        Assert.Equal(HttpStatusCode.OK, metrics.StatusCode);
        using var profiles = await SendAsync("GET", "/api/v1/profiles", token);
        await AssertRefusedAsync(profiles, HttpStatusCode.Forbidden, "profiles for Prometheus");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ApiServerThatCannotBeAsked_IsSaid_AndTheSilosOwnTokenWorks(bool isAway)
    {
        var token = remote.Api.AddUser($"late-{isAway}", AccessRule.Everything);
        using (remote.Api.Inject(new Fault(static request => request.Resource == "tokenreviews.authentication.k8s.io") { Status = isAway ? 503 : 403 }))
        {
            using var answer = await SendAsync("GET", "/api/v1/node", token);
            await AssertRefusedAsync(answer, HttpStatusCode.ServiceUnavailable, "a token that nobody can be asked about");
            var detail = await DetailAsync(answer);
            Assert.Contains("cannot be asked now", detail, StringComparison.Ordinal);
            Assert.DoesNotContain("tokenreviews", detail, StringComparison.Ordinal);
            Assert.Equal(HttpStatusCode.OK, (await SendAsync("GET", "/api/v1/node", remote.Token)).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await SendAsync("GET", "/healthz/live")).StatusCode);
        }

        // It is no answer, so nobody remembers it.
        using var later = await SendAsync("GET", "/api/v1/node", token);
        Assert.Equal(HttpStatusCode.OK, later.StatusCode);
    }

    [Fact]
    public async Task TokensOfNobody_TooManyAtOnce_AreToBeTriedLater_AndOthersAreServed()
    {
        var known = remote.Api.AddUser("known", AccessRule.FromYaml(Reader));
        Assert.Equal(HttpStatusCode.OK, (await SendAsync("GET", "/api/v1/node", known)).StatusCode);

        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(async number =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/node");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", $"nobodys-{number}");
            using var answer = await remote.Http.SendAsync(request, Cancelled);
            return (answer.StatusCode, After: answer.Headers.RetryAfter?.ToString());
        }));

        Assert.All(answers, static answer => Assert.True(answer is (HttpStatusCode.Unauthorized, null) or (HttpStatusCode.TooManyRequests, "1"), $"An answer was {answer}."));
        Assert.Contains(answers, static answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
        Assert.Equal(HttpStatusCode.OK, (await remote.Http.SendAsync(With(known), Cancelled)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await remote.Http.SendAsync(With(remote.Token), Cancelled)).StatusCode);

        static HttpRequestMessage With(string token) => new(HttpMethod.Get, "/api/v1/node") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };
    }

    [Fact]
    public async Task Readiness_AskedForByAStranger_IsAWord_AndTheTokensOwnerIsToldReasons()
    {
        Assert.Equal("ready\n", await (await SendAsync("GET", "/healthz/ready")).Content.ReadAsStringAsync(Cancelled));
        Assert.Equal("ready\n", await (await SendAsync("GET", "/healthz/ready", "wrong")).Content.ReadAsStringAsync(Cancelled));
        Assert.Contains("degraded: sensor: ", await (await SendAsync("GET", "/healthz/ready", remote.Token)).Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Readiness_OfANodeThatIsNot_IsAWordToAStranger()
    {
        Assert.SkipWhen(Machine.Address is null, "this machine has no address but loopback");
        using var directory = new TemporaryDirectory();
        var (data, sensor) = (Path.Combine(directory.Path, "data"), new FakeSensor());
        using var http = new HttpClient { BaseAddress = new Uri($"http://{Machine.Address}:{FreePort()}") };
        var starting = NodeHostFixture.StartAsync(data, sensor, http.BaseAddress!.Authority);
        Assert.Equal("Not ready.", await WhyAsync(token: null, static _ => true));
        await WhyAsync(await File.ReadAllTextAsync(NodeFiles.TokenFile(data), Cancelled), static why => why.Contains("attaching its hooks", StringComparison.Ordinal));
        Assert.Equal("Not ready.", await WhyAsync(token: null, static _ => true));
        sensor.ReadySource.SetResult();
        await (await starting).DisposeAsync();

        async Task<string> WhyAsync(string? token, Func<string, bool> condition) => (await Wait.UntilAsync<string?>(
            async () =>
            {
                try
                {
                    using var request = new HttpRequestMessage(HttpMethod.Get, "/healthz/ready");
                    request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token.Trim());
                    using var answer = await http.SendAsync(request, Cancelled);
                    Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
                    return await DetailAsync(answer);
                }
                catch (HttpRequestException)
                {
                    return null;
                }
            },
            why => why is not null && condition(why),
            "readiness"))!;
    }

    private static int FreePort()
    {
        using var socket = new System.Net.Sockets.TcpListener(Machine.Address!, 0);
        socket.Start();
        return ((IPEndPoint)socket.LocalEndpoint).Port;
    }

    [Fact]
    public async Task SignIn_WithAToken_GivesACookieForTheDashboardAndNothingElse()
    {
        using var answer = await SignInAsync(remote.Token);
        Assert.Equal((HttpStatusCode.SeeOther, "/dashboard/"), (answer.StatusCode, answer.Headers.Location?.ToString()));
        var given = Assert.Single(answer.Headers.GetValues("Set-Cookie"));
        Assert.Contains("; path=/dashboard; samesite=strict; httponly", given, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(remote.Token, given, StringComparison.OrdinalIgnoreCase);

        var cookie = given.Split(';')[0];
        foreach (var (method, path, status) in ((string, string, HttpStatusCode)[])
        [
            ("GET", "/dashboard/", HttpStatusCode.OK), ("GET", "/dashboard/version", HttpStatusCode.OK), ("GET", "/dashboard/GrainState", HttpStatusCode.OK),
            ("GET", "/api/v1/node", HttpStatusCode.Unauthorized), ("GET", "/metrics", HttpStatusCode.Unauthorized), ("POST", "/dashboard/version", HttpStatusCode.Unauthorized),
            ("POST", "/api/v1/profiles/container-x/relearn", HttpStatusCode.Unauthorized), ("GET", "/dashboardx", HttpStatusCode.Unauthorized),
        ])
        {
            using var opened = await SendAsync(method, path, cookie: cookie);
            Assert.True(opened.StatusCode == status, $"{method} {path} with the cookie answered {opened.StatusCode}.");
        }

        var until = cookie.IndexOf('=') + 1;
        foreach (var forged in (string[])[cookie[..^1], cookie[..^1] + (cookie[^1] == '0' ? '1' : '0'), cookie[..until] + "9" + cookie[until..], cookie[..until] + "1.00", cookie[..until] + "x"])
        {
            using var refused = await SendAsync("GET", "/dashboard/version", cookie: forged);
            await AssertRefusedAsync(refused, HttpStatusCode.Unauthorized, $"the cookie {forged}");
        }
    }

    [Fact]
    public async Task SignIn_InTheCluster_AsksForTheRightToTheDashboard()
    {
        using var reader = await SignInAsync(remote.Api.AddUser("person", AccessRule.FromYaml(Reader)));
        Assert.Equal(HttpStatusCode.SeeOther, reader.StatusCode);

        // The cookie opens all of it.
        foreach (var paths in (string[])["/kubecop/dashboard", "/kubecop/dashboard, /kubecop/dashboard/, /kubecop/dashboard/version", "/kubecop/dashboard/GrainState"])
        {
            using var some = await SignInAsync(remote.Api.AddUser($"some {paths}", AccessRule.FromYaml(Reader.Replace("\"/kubecop/*\"", paths, StringComparison.Ordinal))));
            await AssertRefusedAsync(some, HttpStatusCode.Forbidden, $"a cookie for who may see {paths} alone");
            Assert.Contains("nonResourceURLs: [\"/kubecop/dashboard/*\"]", await DetailAsync(some), StringComparison.Ordinal);
        }

        using var all = await SignInAsync(remote.Api.AddUser("all", AccessRule.FromYaml(Reader.Replace("/kubecop/*", "/kubecop/dashboard/*", StringComparison.Ordinal))));
        Assert.Equal(HttpStatusCode.SeeOther, all.StatusCode);
        using var other = await SignInAsync(remote.Api.AddUser("stranger", AccessRule.FromYaml(Discovery)));
        await AssertRefusedAsync(other, HttpStatusCode.Forbidden, "the dashboard for a stranger");
        Assert.False(other.Headers.Contains("Set-Cookie"), "A stranger has a cookie.");
    }

    [Theory]
    [InlineData("token=wrong", "application/x-www-form-urlencoded")]
    [InlineData("", "application/x-www-form-urlencoded")]
    [InlineData("token=TOKEN", "text/plain")]
    public async Task SignIn_WithoutTheToken_GivesNothing(string body, string contentType)
    {
        using var answer = await PatientlyAsync(() => new HttpRequestMessage(HttpMethod.Post, "/dashboard/sign-in")
        {
            Content = new StringContent(body.Replace("TOKEN", remote.Token, StringComparison.Ordinal), new MediaTypeHeaderValue(contentType)),
        });
        await AssertRefusedAsync(answer, HttpStatusCode.Unauthorized, body);
        Assert.False(answer.Headers.Contains("Set-Cookie"), "A cookie was given.");
    }

    [Theory]
    [InlineData("/dashboard")]
    [InlineData("/")]
    public async Task Dashboard_AskedForByABrowser_ShowsWhereToSignIn(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd("text/html,application/xhtml+xml");
        using var answer = await remote.Http.SendAsync(request, Cancelled);

        Assert.Equal((HttpStatusCode.Unauthorized, "text/html"), (answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        var page = await answer.Content.ReadAsStringAsync(Cancelled);
        Assert.Contains("<form method=\"post\" action=\"/dashboard/sign-in\">", page, StringComparison.Ordinal);
        Assert.Contains("The content of the file 'token'", page, StringComparison.Ordinal);
        Assert.DoesNotContain("Orleans", page, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("Authorization", page, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", string.Join(' ', answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task CommandLine_OnTheSilosMachine_ReadsWithItsToken_AndShowsItToNobodyElse()
    {
        Assert.NotNull(remote.Node);
        var (exitCode, output, error) = await CommandLine.RunAsync(["status", "--data-dir", remote.DataDirectory]);
        Assert.True(exitCode == 0, error);
        Assert.Contains(NodeHostFixture.NodeName, output, StringComparison.Ordinal);

        using var elsewhere = new TemporaryDirectory();
        (exitCode, output, error) = await CommandLine.RunAsync(["status", "--http", remote.Node.Address, "--data-dir", elsewhere.Path]);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("KUBECOP_TOKEN", error, StringComparison.Ordinal);

        (exitCode, _, error) = await CommandLine.RunAsync(["status", "--http", remote.Node.Address, "--data-dir", elsewhere.Path], ("KUBECOP_TOKEN", remote.Token));
        Assert.True(exitCode == 0, error);
    }

    [Fact]
    public async Task Metrics_ThatAreToBePublic_AreReadWithoutAToken_AndNothingElseIs()
    {
        Assert.SkipWhen(Machine.Address is null, "this machine has no address but loopback");
        using var directory = new TemporaryDirectory();
        var (node, http) = await remote.StartAsync(Path.Combine(directory.Path, "data"), Machine.Address!, new KeyValuePair<string, string?>("KubeCop:Http:PublicMetrics", "true"));
        await using (node)
        {
            using (http)
            {
                Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/metrics", Cancelled)).StatusCode);
                Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync("/api/v1/node", Cancelled)).StatusCode);
            }
        }
    }

    [Fact]
    public async Task Loopback_ReadsAreOpen_ChangesAndWhatIsLearnedAreNot()
    {
        using var directory = new TemporaryDirectory();
        var (node, http) = await remote.StartAsync(Path.Combine(directory.Path, "data"), IPAddress.Loopback);
        await using (node)
        {
            using (http)
            {
                foreach (var (method, path) in RoutesOf(node.Services).Concat(RoutesOfDashboard))
                {
                    var isOpen = method == "GET" && !path.Contains("/GrainState", StringComparison.OrdinalIgnoreCase) && !path.StartsWith("/api/v1/profiles", StringComparison.Ordinal);
                    using var answer = await http.SendAsync(new HttpRequestMessage(new HttpMethod(method), path), Cancelled);
                    Assert.True(
                        isOpen != (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden),
                        $"{method} {path} is to be {(isOpen ? "open" : "refused")} on loopback and answered {answer.StatusCode}.");
                }
            }
        }
    }

    [Fact]
    public async Task LearnedArguments_OnLoopback_AreShownToTheTokenAlone_AlsoByTheCommandLine()
    {
        using var directory = new TemporaryDirectory();
        var data = Path.Combine(directory.Path, "data");
        var (node, http) = await remote.StartAsync(data, IPAddress.Loopback);
        await using (node)
        {
            using (http)
            {
                const string Profile = """
                    kind: ApplicationProfile
                    metadata: {name: container-web, namespace: shop}
                    spec: {containers: [{name: web, execs: [{path: /bin/db, args: [--password=hunter2]}]}]}
                    """;
                var given = Path.Combine(directory.Path, "given.yaml");
                await File.WriteAllTextAsync(given, Profile, Cancelled);
                var (exitCode, _, error) = await CommandLine.RunAsync(["profiles", "import", given, "--data-dir", data]);
                Assert.True(exitCode == 0, error);

                var reads = RoutesOf(node.Services).Concat(RoutesOfDashboard).Where(static route => route.Method == "GET").Select(static route => route.Path);
                foreach (var path in reads.Append("/api/v1/profiles/container-web"))
                {
                    using var answer = await http.GetAsync(path, Cancelled);
                    var body = await answer.Content.ReadAsStringAsync(Cancelled);
                    Assert.False(body.Contains("hunter2", StringComparison.Ordinal), $"{path} shows a learned password to everybody on the machine.");
                }

                foreach (var arguments in (string[][])[["--json"], ["list", "--json"], ["show", "container-web"], ["show", "container-web", "--json"], ["export", "container-web"]])
                {
                    (exitCode, var output, error) = await CommandLine.RunAsync(["profiles", .. arguments, "--data-dir", data]);
                    Assert.True(exitCode == 0, $"profiles {string.Join(' ', arguments)}: {error}");
                    Assert.Contains("hunter2", output, StringComparison.Ordinal);
                }

                using var elsewhere = new TemporaryDirectory();
                (exitCode, _, error) = await CommandLine.RunAsync(["profiles", "show", "container-web", "--http", node.Address, "--data-dir", elsewhere.Path]);
                Assert.Equal(2, exitCode);
                Assert.Contains("This needs the silo's token", error, StringComparison.Ordinal);
            }
        }
    }

    private static IEnumerable<(string Method, string Path)> RoutesOfDashboard =>
        [("GET", "/dashboard/GrainState?grainId=a&grainType=b"), ("GET", "/dashboard/grainstate/"), ("GET", "/dashboard/DashboardCounters"), ("GET", "/dashboard/")];

    /// <summary>Every route with its methods, its parameters filled in.</summary>
    /// <param name="access">Null for all.</param>
    private static IEnumerable<(string Method, string Path)> RoutesOf(IServiceProvider services, EndpointAccess? access = null) =>
        from endpoint in services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        where access is null || endpoint.Metadata.GetMetadata<EndpointAccess>() == access
        from method in endpoint.Metadata.GetRequiredMetadata<HttpMethodMetadata>().HttpMethods
        select (method, "/" + string.Join('/', endpoint.RoutePattern.PathSegments.Select(static segment => string.Concat(segment.Parts.Select(static part => part switch
        {
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal => literal.Content,
            Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart { ParameterPolicies.Count: > 0 } => "1",
            _ => "x",
        })))));

    private static async Task AssertRefusedAsync(HttpResponseMessage answer, HttpStatusCode status, string what)
    {
        Assert.True(answer.StatusCode == status, $"{what} was answered {answer.StatusCode} instead of {status}.");
        using var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancelled));
        Assert.Equal(["title", "status", "detail"], body.RootElement.EnumerateObject().Select(static field => field.Name).Where(static name => name != "type"));
        Assert.DoesNotContain(NodeHostFixture.NodeName, body.RootElement.GetRawText(), StringComparison.Ordinal);
    }

    private static async Task<string> DetailAsync(HttpResponseMessage answer)
    {
        using var body = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancelled));
        return body.RootElement.GetProperty("detail").GetString()!;
    }

    private Task<HttpResponseMessage> SendAsync(string method, string path, string? token = null, string? cookie = null) => PatientlyAsync(() =>
    {
        var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        if (cookie is not null)
        {
            request.Headers.Add("Cookie", cookie);
        }

        return request;
    });

    private Task<HttpResponseMessage> SignInAsync(string token) => PatientlyAsync(() =>
        new HttpRequestMessage(HttpMethod.Post, "/dashboard/sign-in") { Content = new FormUrlEncodedContent([KeyValuePair.Create("token", token)]) });

    /// <summary>All tests here ask from one address, about more tokens than one may in a second.</summary>
    private Task<HttpResponseMessage> PatientlyAsync(Func<HttpRequestMessage> request) =>
        Wait.UntilAsync(() => remote.Http.SendAsync(request(), Cancelled), static answer => answer.StatusCode != HttpStatusCode.TooManyRequests, "an answer about a token");
}
