using System.Collections.Concurrent;
using System.Text;
using KubeCop.Scanning.Clamd;
using KubeCop.Scanning.Scans;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Tests.Scanning.Scans;

/// <summary>Takes files for malware that contain a word.</summary>
internal sealed class WordScanner : IContentScanner
{
    public const string Word = "malicious";
    public const string Signature = "Test.Word";

    private readonly ConcurrentQueue<string> _asked = new();
    private int _asks;

    public string Signatures { get; set; } = "1";

    /// <summary>Files longer than this are over its limit.</summary>
    public long Limit { get; set; } = 1024;

    /// <summary>Is told how often it was asked before; throws what it wants to.</summary>
    public Action<int> Before { get; set; } = static _ => { };

    /// <summary>Contents it was asked about, in order.</summary>
    public IReadOnlyList<string> Asked => [.. _asked];

    public Task<string> GetSignaturesAsync(CancellationToken cancellationToken) => Task.FromResult(Signatures);

    public Task<ClamdVerdict> ScanAsync(SafeFileHandle file, long length, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Before(_asks++);
        if (length > Limit)
        {
            return Task.FromResult(ClamdVerdict.OverLimit);
        }

        var content = new byte[length];
        var text = Encoding.UTF8.GetString(content, 0, RandomAccess.Read(file, content, 0));
        _asked.Enqueue(text);
        return Task.FromResult(text.Contains(Word, StringComparison.Ordinal) ? ClamdVerdict.Found(Signature) : ClamdVerdict.Clean);
    }
}
