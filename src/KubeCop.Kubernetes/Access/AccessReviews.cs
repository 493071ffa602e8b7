using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using k8s.Models;
using KubeCop.Kubernetes.Api;

namespace KubeCop.Kubernetes.Access;

/// <summary>What the API server says of a request that somebody makes of us.</summary>
internal enum AccessVerdict
{
    /// <summary>The token is nobody's, or not meant for us.</summary>
    UnknownToken,

    /// <summary>It is somebody's who has no right to this.</summary>
    Forbidden,

    Allowed,

    /// <summary>There are too many questions now; after <see cref="QuestionLimit.Window"/> it may be asked again.</summary>
    NotAsked,
}

/// <param name="User">Whose token it is, for messages; empty when it is nobody's.</param>
internal sealed record AccessAnswer(AccessVerdict Verdict, string User);

/// <summary>
/// Asks the API server whose a token is (TokenReview) and whether he may request a path (SubjectAccessReview), as kubelet and the
/// cluster's own components do for their endpoints. Remembers a bounded number of answers, by a hash of the token. Strangers, who need no token that is
/// anybody's to have the API server asked, may do so only so often, and cost those nothing who were allowed something. For any thread.
/// </summary>
/// <param name="audience">Whom tokens have to be made for; empty for those made for the API server.</param>
internal sealed class AccessReviews(ApiClient api, string audience, TimeProvider time)
{
    /// <summary>How long who was allowed something is not asked about again: so much later a token that is revoked is refused.</summary>
    public static readonly TimeSpan AllowedTime = TimeSpan.FromSeconds(60);

    /// <summary>The same of who was not: so much later a new right is seen.</summary>
    public static readonly TimeSpan RefusedTime = TimeSpan.FromSeconds(10);

    /// <summary>The most answers that are remembered of either kind. Refusals, which anybody can ask for, cost nobody his permission.</summary>
    public const int MaxAnswers = 256;

    /// <summary>How long a token that was allowed something is no stranger's.</summary>
    public static readonly TimeSpan KnownTime = TimeSpan.FromHours(1);

    /// <summary>The most questions about strangers at a time, and in a second.</summary>
    public const int MaxOfStrangers = 32;

    /// <summary>The same from one address.</summary>
    public const int MaxOfStranger = 8;

    /// <summary>The most questions about those who were allowed something.</summary>
    private const int MaxOfKnown = 128;

    /// <summary>The same about one of them, who may read many profiles in a row.</summary>
    private const int MaxOfOneKnown = 64;

    /// <summary>A token that is longer is nobody's: service accounts' are about 1 KiB.</summary>
    public const int LongestToken = 16 * 1024;

    /// <summary>The most questions at a time, so that whoever tries tokens does not do so with all of the API server's strength.</summary>
    private const int MaxQuestions = 8;

    /// <summary>How long a request waits for its answer: who asks is waiting.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly SemaphoreSlim _questions = new(MaxQuestions);
    private readonly RecentAnswers _allowed = new(MaxAnswers, AllowedTime, time);
    private readonly RecentAnswers _refused = new(MaxAnswers, RefusedTime, time);
    private readonly RecentAnswers _known = new(MaxAnswers, KnownTime, time);
    private readonly QuestionLimit _ofStrangers = new(MaxOfStrangers, MaxOfStranger, time);
    private readonly QuestionLimit _ofKnown = new(MaxOfKnown, MaxOfOneKnown, time);

    /// <summary>Answers that are remembered now.</summary>
    internal int Remembered => _allowed.Count + _refused.Count;

    /// <param name="verb">The HTTP method in lower case.</param>
    /// <param name="path">As <c>nonResourceURLs</c> of a ClusterRole name it.</param>
    /// <param name="address">Where the request is from.</param>
    /// <exception cref="ApiException">The API server cannot be asked, or does not let KubeCop ask.</exception>
    public async Task<AccessAnswer> AskAsync(string token, string verb, string path, string address, CancellationToken cancellationToken)
    {
        if (token.Length is 0 or > LongestToken)
        {
            return new AccessAnswer(AccessVerdict.UnknownToken, "");
        }

        // No part can hold the NUL: tokens and paths come from HTTP's headers and its decoded paths, which may not.
        var question = Hash($"{token}\0{verb}\0{path}");
        if ((_allowed.Find(question) ?? _refused.Find(question)) is { } known)
        {
            return known;
        }

        var whose = Hash(token);
        var (limit, who) = _known.Find(whose) is null ? (_ofStrangers, address) : (_ofKnown, whose);
        if (!limit.TryBegin(who))
        {
            return new AccessAnswer(AccessVerdict.NotAsked, "");
        }

        try
        {
            var answer = await AskAsync(token, verb, path, cancellationToken);
            (answer.Verdict == AccessVerdict.Allowed ? _allowed : _refused).Add(question, answer);
            if (answer.Verdict == AccessVerdict.Allowed)
            {
                _known.Add(whose, answer);
            }

            return answer;
        }
        finally
        {
            limit.End(who);
        }
    }

    private async Task<AccessAnswer> AskAsync(string token, string verb, string path, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            await _questions.WaitAsync(either.Token);
            try
            {
                return await ReviewAsync(token, verb, path, either.Token);
            }
            finally
            {
                _questions.Release();
            }
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ApiException($"The API server has not answered within {Patience.TotalSeconds:0} s.", exception);
        }
    }

    private static string Hash(string text) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private async Task<AccessAnswer> ReviewAsync(string token, string verb, string path, CancellationToken cancellationToken)
    {
        var identity = await CreateAsync<V1TokenReviewStatus>(
            ApiResource.TokenReviews,
            new V1TokenReview
            {
                ApiVersion = "authentication.k8s.io/v1",
                Kind = "TokenReview",
                Spec = new V1TokenReviewSpec { Token = token, Audiences = audience.Length > 0 ? [audience] : null },
            },
            cancellationToken);

        // A server that knows no audiences answers none, and its token may be meant for anybody (TokenReviewStatus.audiences).
        if (identity.Authenticated is not true || identity.User?.Username is not { Length: > 0 } name || (audience.Length > 0 && identity.Audiences?.Contains(audience) is not true))
        {
            return new AccessAnswer(AccessVerdict.UnknownToken, "");
        }

        var access = await CreateAsync<V1SubjectAccessReviewStatus>(
            ApiResource.AccessReviews,
            new V1SubjectAccessReview
            {
                ApiVersion = "authorization.k8s.io/v1",
                Kind = "SubjectAccessReview",
                Spec = new V1SubjectAccessReviewSpec
                {
                    User = name,
                    Uid = identity.User.Uid,
                    Groups = identity.User.Groups,
                    Extra = identity.User.Extra,
                    NonResourceAttributes = new V1NonResourceAttributes { Path = path, Verb = verb },
                },
            },
            cancellationToken);
        return new AccessAnswer(access.Allowed && access.Denied is not true ? AccessVerdict.Allowed : AccessVerdict.Forbidden, name);
    }

    private async Task<T> CreateAsync<T>(ApiResource resource, object question, CancellationToken cancellationToken)
        where T : new()
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(question, ApiJson.Options);
        var answer = await api.CreateAsync(resource, ns: null, body, "kubecop", cancellationToken);
        return answer.Status.ValueKind == JsonValueKind.Object ? answer.Status.Deserialize<T>(ApiJson.Options)! : new T();
    }
}
