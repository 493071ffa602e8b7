using KubeCop.Sensor.Containers;

namespace KubeCop.Tests.Sensor.Containers;

public sealed class ImageReferenceTests
{
    [Theory]
    [InlineData("reg.example:5000/web:1", "sha256:own")]
    [InlineData("reg.example:5000/web@sha256:own", "sha256:own")]
    [InlineData("other/web:1", "sha256:mirror")]
    [InlineData("", "sha256:mirror")]
    public void Digest_SeveralRepositories_IsTheOwnOnesElseTheFirst(string reference, string digest)
    {
        string[] known = ["reg.example:5000/web@sha256:own", "", "no-digest:1", "a.example/mirror@sha256:mirror", "reg.example:5000/webx@sha256:x"];

        Assert.Equal(digest, ImageReference.Digest(reference, known, "sha256:id"));
        Assert.Equal(digest, ImageReference.Digest(reference, [.. known.Reverse()], "sha256:id"));
    }

    [Theory]
    [InlineData("sha256:id", "sha256:id")]
    [InlineData("web:1", "")]
    public void Digest_NoneKnown_IsTheImagesId(string id, string digest) => Assert.Equal(digest, ImageReference.Digest("web:1", [], id));
}
