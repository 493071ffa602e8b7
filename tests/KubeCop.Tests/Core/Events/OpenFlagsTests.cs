using KubeCop.Core.Events;

namespace KubeCop.Tests.Core.Events;

public sealed class OpenFlagsTests
{
    [Theory]
    [InlineData(0u, "O_RDONLY")]
    [InlineData(1u, "O_WRONLY")]
    [InlineData(2u, "O_RDWR")]
    [InlineData(3u, "O_RDWR")]
    [InlineData(0x80241u, "O_WRONLY,O_CREAT,O_TRUNC,O_CLOEXEC")]
    public void ToSet_AnyFlags_NamesThem(uint flags, string names) => Assert.Equal(names, string.Join(',', OpenFlags.Names(OpenFlags.ToSet(flags))));

    [Fact]
    public void ToSet_BitsWithoutName_AreWhatTheNamesGiveBack()
    {
        for (var bit = 0; bit < 32; bit++)
        {
            var set = OpenFlags.ToSet(1u << bit);
            Assert.NotEqual(0u, set);
            Assert.Equal(set, OpenFlags.Parse(OpenFlags.Names(set)));
        }
    }
}
