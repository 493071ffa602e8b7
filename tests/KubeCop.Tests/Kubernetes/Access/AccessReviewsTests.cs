using KubeCop.Kubernetes.Access;
using KubeCop.Kubernetes.Api;
using KubeCop.Testing.Kubernetes;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Kubernetes.Access;

/// <summary>What the API server is asked about others' tokens, and how long the answers are remembered.</summary>
public sealed class AccessReviewsTests : IAsyncLifetime
{
    private const string Role = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: view}
        rules:
        - {nonResourceURLs: ["/kubecop/*"], verbs: [get]}
        """;

    private const string Address = "10.0.0.1";

    private readonly FakeTimeProvider _time = new();
    private EmulatedApi _api = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _api = await EmulatedApi.StartAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task Token_OfSomebodyWithTheRight_IsAllowedThatAndNoMore()
    {
        var (reviews, token) = (Reviews(), _api.Server.AddUser("system:serviceaccount:shop:web", AccessRule.FromYaml(Role)));

        Assert.Equal(new AccessAnswer(AccessVerdict.Allowed, "system:serviceaccount:shop:web"), await reviews.AskAsync(token, "get", "/kubecop/api/v1/node", Address, Token));
        Assert.Equal(new AccessAnswer(AccessVerdict.Forbidden, "system:serviceaccount:shop:web"), await reviews.AskAsync(token, "post", "/kubecop/api/v1/node", Address, Token));
        Assert.Equal(new AccessAnswer(AccessVerdict.Forbidden, "system:serviceaccount:shop:web"), await reviews.AskAsync(token, "get", "/metrics", Address, Token));
    }

    [Theory]
    [InlineData("")]
    [InlineData("nobodys")]
    [InlineData("a very\u00e4 odd \"one\"")]
    public async Task Token_OfNobody_IsUnknown(string token) =>
        Assert.Equal(new AccessAnswer(AccessVerdict.UnknownToken, ""), await Reviews().AskAsync(token, "get", "/metrics", Address, Token));

    [Fact]
    public async Task Token_ThatIsLongerThanAny_IsNotAskedAbout()
    {
        Assert.Equal(AccessVerdict.UnknownToken, (await Reviews().AskAsync(new string('x', AccessReviews.LongestToken + 1), "get", "/metrics", Address, Token)).Verdict);
        Assert.Equal(0, Asked("tokenreviews.authentication.k8s.io"));
    }

    [Fact]
    public async Task Token_ForAnotherAudience_IsUnknown()
    {
        var own = _api.Server.AddUser("u", AccessRule.Everything);
        var ours = _api.Server.IssueToken("u", "kubecop");

        Assert.Equal(AccessVerdict.Allowed, (await Reviews("").AskAsync(own, "get", "/metrics", Address, Token)).Verdict);
        Assert.Equal(AccessVerdict.UnknownToken, (await Reviews("").AskAsync(ours, "get", "/metrics", Address, Token)).Verdict);
        Assert.Equal(AccessVerdict.Allowed, (await Reviews("kubecop").AskAsync(ours, "get", "/metrics", Address, Token)).Verdict);
        Assert.Equal(AccessVerdict.UnknownToken, (await Reviews("kubecop").AskAsync(own, "get", "/metrics", Address, Token)).Verdict);
    }

    [Fact]
    public async Task Answer_IsRemembered_AMinuteWhenItIsYesAndTenSecondsWhenNot()
    {
        var (reviews, token) = (Reviews(), _api.Server.AddUser("u", AccessRule.FromYaml(Role)));
        await AskAsync(AccessVerdict.Allowed, "/kubecop/a", asked: 1);
        await AskAsync(AccessVerdict.Allowed, "/kubecop/a", asked: 1);
        await AskAsync(AccessVerdict.Forbidden, "/a", asked: 2);
        await AskAsync(AccessVerdict.Forbidden, "/a", asked: 2);

        _api.Server.AddUser("u", AccessRule.FromYaml(Role.Replace("/kubecop/*", "/a", StringComparison.Ordinal)));
        _time.Advance(AccessReviews.RefusedTime - TimeSpan.FromSeconds(1));
        await AskAsync(AccessVerdict.Forbidden, "/a", asked: 2);
        _time.Advance(TimeSpan.FromSeconds(1));
        await AskAsync(AccessVerdict.Allowed, "/a", asked: 3);
        await AskAsync(AccessVerdict.Allowed, "/kubecop/a", asked: 3);
        _time.Advance(AccessReviews.AllowedTime - AccessReviews.RefusedTime);
        await AskAsync(AccessVerdict.Forbidden, "/kubecop/a", asked: 4);

        async Task AskAsync(AccessVerdict verdict, string path, int asked)
        {
            Assert.Equal(verdict, (await reviews.AskAsync(token, "get", path, Address, Token)).Verdict);
            Assert.Equal(asked, Asked("subjectaccessreviews.authorization.k8s.io"));
        }
    }

    [Fact]
    public async Task Answers_AreBounded_AndTokensOfNobodyCostNobodyHisPermission()
    {
        var (reviews, token) = (Reviews(), _api.Server.AddUser("u", AccessRule.FromYaml(Role)));
        Assert.Equal(AccessVerdict.Allowed, (await reviews.AskAsync(token, "get", "/kubecop/a", Address, Token)).Verdict);

        _time.Advance(QuestionLimit.Window);
        for (var number = 0; number < 2 * AccessReviews.MaxAnswers; number++)
        {
            AdvanceAfter(AccessReviews.MaxOfStrangers, number);
            Assert.Equal(AccessVerdict.UnknownToken, (await reviews.AskAsync($"{number}", "get", "/kubecop/a", $"10.0.0.{number % 8}", Token)).Verdict);
        }

        Assert.Equal(AccessReviews.MaxAnswers + 1, reviews.Remembered);
        Assert.Equal(AccessVerdict.Allowed, (await reviews.AskAsync(token, "get", "/kubecop/a", Address, Token)).Verdict);
        Assert.Equal(1, Asked("subjectaccessreviews.authorization.k8s.io"));

        for (var number = 0; number < AccessReviews.MaxAnswers + 10; number++)
        {
            AdvanceAfter(AccessReviews.MaxOfStrangers, number);
            Assert.Equal(AccessVerdict.Allowed, (await reviews.AskAsync(token, "get", $"/kubecop/{number}", Address, Token)).Verdict);
        }

        Assert.InRange(reviews.Remembered, AccessReviews.MaxAnswers, 2 * AccessReviews.MaxAnswers);
        _time.Advance(AccessReviews.RefusedTime);
        Assert.Equal(AccessReviews.MaxAnswers, reviews.Remembered);
        _time.Advance(AccessReviews.AllowedTime);
        Assert.Equal(0, reviews.Remembered);

        void AdvanceAfter(int count, int number) => _time.Advance(number > 0 && number % count == 0 ? QuestionLimit.Window : TimeSpan.Zero);
    }

    [Fact]
    public async Task Strangers_WhoAskTooOften_AreNotAskedAbout_AndCostNobodyKnownAnything()
    {
        var (reviews, token) = (Reviews(), _api.Server.AddUser("u", AccessRule.FromYaml(Role)));
        var stranger = _api.Server.AddUser("s", AccessRule.FromYaml(Role));
        await ExpectAsync(AccessVerdict.Allowed, token, "/kubecop/a", Address);
        _time.Advance(QuestionLimit.Window);

        // Of one address, then of all.
        for (var number = 0; number < AccessReviews.MaxOfStrangers; number++)
        {
            await ExpectAsync(AccessVerdict.UnknownToken, $"{number}", "/kubecop/a", $"10.0.0.{number / AccessReviews.MaxOfStranger}");
            if (number == AccessReviews.MaxOfStranger - 1)
            {
                await ExpectAsync(AccessVerdict.NotAsked, "x", "/kubecop/a", "10.0.0.0");
            }
        }

        var asked = Asked("tokenreviews.authentication.k8s.io");
        await ExpectAsync(AccessVerdict.NotAsked, "x", "/kubecop/a", "10.0.0.9");
        await ExpectAsync(AccessVerdict.NotAsked, stranger, "/kubecop/a", "10.0.0.9");
        await ExpectAsync(AccessVerdict.UnknownToken, "0", "/kubecop/a", "10.0.0.0");
        Assert.Equal(asked, Asked("tokenreviews.authentication.k8s.io"));

        await ExpectAsync(AccessVerdict.Allowed, token, "/kubecop/a", "10.0.0.0");
        await ExpectAsync(AccessVerdict.Allowed, token, "/kubecop/new", "10.0.0.0");
        _time.Advance(QuestionLimit.Window);
        await ExpectAsync(AccessVerdict.Allowed, stranger, "/kubecop/a", "10.0.0.9");

        async Task ExpectAsync(AccessVerdict verdict, string whose, string path, string address)
        {
            var answer = await reviews.AskAsync(whose, "get", path, address, Token);
            Assert.True(answer.Verdict == verdict, $"'{whose}' from {address} for {path} got {answer.Verdict} instead of {verdict}.");
        }
    }

    [Fact]
    public async Task Strangers_WhoseQuestionsAreUnderWay_AreBounded()
    {
        var reviews = Reviews();
        Task<AccessAnswer>[] asking;
        using (_api.Server.Inject(new Fault(static _ => true) { Delay = TimeSpan.FromHours(1) }))
        {
            asking = [.. Enumerable.Range(0, AccessReviews.MaxOfStranger).Select(number => reviews.AskAsync($"{number}", "get", "/a", Address, Token))];
            _time.Advance(QuestionLimit.Window);
            Assert.Equal(AccessVerdict.NotAsked, (await reviews.AskAsync("x", "get", "/a", Address, Token)).Verdict);
            Assert.All(asking, static answer => Assert.False(answer.IsCompleted, "There was an answer."));
            _time.Advance(TimeSpan.FromSeconds(5));
            foreach (var answer in asking)
            {
                await Assert.ThrowsAsync<ApiException>(() => answer);
            }
        }

        Assert.Equal(AccessVerdict.UnknownToken, (await reviews.AskAsync("x", "get", "/a", Address, Token)).Verdict);
    }

    [Fact]
    public async Task ApiServer_ThatIsAway_IsNoAnswer()
    {
        var (reviews, token) = (Reviews(), _api.Server.AddUser("u", AccessRule.Everything));
        await _api.Server.StopAsync();
        var failure = await Assert.ThrowsAsync<ApiException>(() => reviews.AskAsync(token, "get", "/a", Address, Token));
        Assert.Contains("cannot be asked to create tokenreviews", failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, reviews.Remembered);

        await _api.Server.StartAgainAsync();
        Assert.Equal(AccessVerdict.Allowed, (await reviews.AskAsync(token, "get", "/a", Address, Token)).Verdict);
    }

    [Fact]
    public async Task ApiServer_ThatDoesNotAnswer_IsWaitedForAFewSeconds()
    {
        var (reviews, token) = (Reviews(), _api.Server.AddUser("u", AccessRule.Everything));
        using var never = _api.Server.Inject(new Fault(static _ => true) { Delay = TimeSpan.FromHours(1) });
        var asking = reviews.AskAsync(token, "get", "/a", Address, Token);
        Assert.False(asking.IsCompleted, "There was an answer.");

        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Contains("within 5 s", (await Assert.ThrowsAsync<ApiException>(() => asking)).Message, StringComparison.Ordinal);
    }

    private AccessReviews Reviews(string audience = "") => new(_api.Client, audience, _time);

    private long Asked(string resource) => _api.Server.Requests().Where(request => request.Resource == resource).Sum(static request => request.Requests);
}
