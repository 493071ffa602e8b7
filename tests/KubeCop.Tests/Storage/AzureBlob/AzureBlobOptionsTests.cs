using KubeCop.Storage.AzureBlob;

namespace KubeCop.Tests.Storage.AzureBlob;

public sealed class AzureBlobOptionsTests
{
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(1000, true)]
    [InlineData(1001, false)]
    public void FindMistake_OfMaxConcurrency_NamesWhatIsExpected(int value, bool isAccepted)
    {
        var mistake = new AzureBlobOptions { ServiceUri = "https://account.blob.core.windows.net", MaxConcurrency = value }.FindMistake();
        Assert.Equal(isAccepted ? null : $"MaxConcurrency {value} is not accepted; expected 1 to 1000.", mistake);
    }
}
