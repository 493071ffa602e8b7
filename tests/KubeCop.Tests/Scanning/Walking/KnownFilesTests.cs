using CsCheck;
using KubeCop.Scanning.Walking;
using KubeCop.Testing;

namespace KubeCop.Tests.Scanning.Walking;

public sealed class KnownFilesTests : IDisposable
{
    private const string Signatures = "ClamAV 1.4.3/27789";

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void KnownFiles_OfAnyOperations_AreThoseOfADictionary()
    {
        var file = Gen.Select(Gen.ULong[1, 3], Gen.ULong[1, 40], Gen.Long[1, 3], Gen.Long[0, 2],
            static (device, inode, changed, size) => new FileIdentity(device, inode, changed, size));

        // Mostly adding and looking, now and then saving and loading.
        Gen.Select(Gen.Int[0, 20], file).Array[0, 400].Sample(operations =>
        {
            var known = Bound();
            var model = new Dictionary<(ulong Device, ulong Inode), FileIdentity>();
            foreach (var (operation, identity) in operations)
            {
                var place = (identity.Device, identity.Inode);
                switch (operation)
                {
                    case < 10:
                        Assert.True(known.Add(identity, Signatures));
                        model[place] = identity;
                        break;
                    case < 20:
                        Assert.Equal(model.TryGetValue(place, out var added) && added == identity, known.Contains(identity));
                        break;
                    default:
                        known = SavedAndLoaded(known);
                        break;
                }
            }

            Assert.Equal(model.Count, known.Count);
            Assert.All(model.Values, identity => Assert.True(known.Contains(identity)));
        }, iter: 50, threads: 1);
    }

    [Fact]
    public void KnownFiles_OfMany_GrowAndKeepAll()
    {
        var known = Bound();
        for (ulong inode = 1; inode <= 20_000; inode++)
        {
            Assert.True(known.Add(File(inode), Signatures));
        }

        Assert.Equal(20_000, known.Count);
        for (ulong inode = 1; inode <= 20_000; inode++)
        {
            Assert.True(known.Contains(File(inode)));
            Assert.False(known.Contains(File(inode) with { ChangedNanoseconds = 2 }));
        }

        Assert.True(known.Bytes <= 20_000 * 48, $"{known.Bytes} bytes for 20 000 files");
    }

    [Fact]
    public void KnownFiles_OfTheSameFileChanged_TakeOnePlace()
    {
        var known = Bound();
        for (var change = 1; change <= 1000; change++)
        {
            known.Add(File(7) with { ChangedNanoseconds = change }, Signatures);
        }

        Assert.Equal(1, known.Count);
    }

    [Fact]
    public void KnownFiles_AtTheBound_LeaveOutWhatDoesNotFit()
    {
        var known = new KnownFiles(100);
        known.Bind(Signatures);
        known.BeginScan();
        for (ulong inode = 1; inode <= 150; inode++)
        {
            Assert.Equal(inode <= 100, known.Add(File(inode), Signatures));
        }

        Assert.Equal(100, known.Count);
        Assert.Equal(50, known.LeftOut);
        Assert.All(Enumerable.Range(1, 100), inode => Assert.True(known.Contains(File((ulong)inode)), "those that were known are crowded out"));
    }

    [Fact]
    public void KnownFiles_AtTheBound_ForgetWhatTwoScansDidNotMeet()
    {
        var known = new KnownFiles(100);
        known.Bind(Signatures);
        known.BeginScan();
        for (ulong inode = 1; inode <= 100; inode++)
        {
            known.Add(File(inode), Signatures);
        }

        for (var scan = 0; scan < 2; scan++)
        {
            known.BeginScan();
            for (ulong inode = 1; inode <= 60; inode++)
            {
                Assert.True(known.Contains(File(inode)));
            }
        }

        Assert.True(known.Add(File(1000), Signatures));
        Assert.False(known.Contains(File(99)));
        Assert.True(known.Contains(File(60)));
        Assert.Equal(61, known.Count);
    }

    [Fact]
    public void KnownFiles_WhenSignaturesChange_ForgetAll()
    {
        var known = Bound();
        known.Add(File(1), Signatures);

        Assert.False(known.Bind(Signatures));
        Assert.True(known.Contains(File(1)));
        Assert.True(known.Bind("ClamAV 1.4.3/27790"));
        Assert.False(known.Contains(File(1)));
        Assert.False(known.Add(File(1), Signatures), "a verdict of the old signatures is remembered");
        Assert.Equal(0, known.Count);
    }

    [Fact]
    public void KnownFiles_LoadedUnderOtherSignatures_ForgetAll()
    {
        var known = Bound();
        known.Add(File(1), Signatures);
        var loaded = SavedAndLoaded(known);

        Assert.True(loaded.Bind("ClamAV 1.5.0/27789"));
        Assert.Equal(0, loaded.Count);
    }

    [Fact]
    public void KnownFiles_SavedTwice_ReplaceTheFile()
    {
        var known = Bound();
        known.Add(File(1), Signatures);
        known.Save(_directory.Combine("known"));
        known.Add(File(2), Signatures);
        known.Save(_directory.Combine("known"));

        Assert.Equal(["known"], Directory.EnumerateFiles(_directory.Path).Select(static path => Path.GetFileName(path)));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(_directory.Combine("known")));
        var loaded = new KnownFiles();
        Assert.Null(loaded.Load(_directory.Combine("known")));
        Assert.Equal(2, loaded.Count);
    }

    [Fact]
    public void KnownFiles_OfADamagedFile_TakeNothing()
    {
        var known = Bound();
        for (ulong inode = 1; inode <= 10; inode++)
        {
            known.Add(File(inode), Signatures);
        }

        var path = _directory.Combine("known");
        known.Save(path);
        var content = System.IO.File.ReadAllBytes(path);

        for (var i = 0; i < content.Length; i++)
        {
            byte[] torn = content[..i];
            byte[] flipped = [.. content];
            flipped[i] ^= 1;
            foreach (var damaged in (byte[][])[torn, flipped])
            {
                System.IO.File.WriteAllBytes(path, damaged);
                var loaded = new KnownFiles();

                Assert.NotNull(loaded.Load(path));
                Assert.Equal(0, loaded.Count);
            }
        }
    }

    [Fact]
    public void KnownFiles_OfNoFile_AreEmpty()
    {
        var known = new KnownFiles();

        Assert.Null(known.Load(_directory.Combine("nothing")));
        Assert.Null(known.Load(_directory.Combine("no/directory")));
        Assert.Equal(0, known.Count);
    }

    [Fact]
    public void Contains_OfAnyFile_AllocatesNothing()
    {
        var known = Bound();
        known.Add(File(1), Signatures);

        Assert.Equal(0, Allocations.Of(() =>
        {
            for (ulong inode = 1; inode <= 100; inode++)
            {
                known.Contains(File(inode));
            }
        }));
    }

    private static FileIdentity File(ulong inode) => new(1, inode, 1, 1);

    private static KnownFiles Bound()
    {
        var known = new KnownFiles();
        known.Bind(Signatures);
        return known;
    }

    private KnownFiles SavedAndLoaded(KnownFiles known)
    {
        known.Save(_directory.Combine("known"));
        var loaded = new KnownFiles();
        Assert.Null(loaded.Load(_directory.Combine("known")));
        return loaded;
    }
}
