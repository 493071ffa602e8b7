using System.Security.Cryptography;
using System.Text;
using KubeCop.Exporters.Receivers;

namespace KubeCop.Host.Tls;

/// <summary>
/// A certificate in files that are replaced while the program runs, as cert-manager and the kubelet do it (the link <c>..data</c> exchanged). They are
/// compared by what they hold, and a change counts once it has stayed the same from one look to the next: a pair is not taken while it is half
/// written. What cannot be used leaves the last good one in force.
/// </summary>
internal sealed class CertificateFiles
{
    /// <summary>All files together; one of a public bundle of authorities has a quarter of that.</summary>
    private const int MostBytes = 1024 * 1024;

    private readonly string[] _files;
    private string _taken;
    private string _seen;
    private string _refused = "";
    private volatile CertificateSet _current;
    private volatile string? _problem;

    /// <param name="authorities">Null where nobody is asked for a certificate.</param>
    /// <exception cref="CertificateException">They cannot be used.</exception>
    public CertificateFiles(string certificate, string key, string? authorities)
    {
        _files = authorities is null ? [certificate, key] : [certificate, key, authorities];
        var content = Read();
        _current = Parse(content);
        _taken = _seen = Revision(content);
    }

    /// <summary>Where the certificate is.</summary>
    public string Name => _files[0];

    /// <summary>What new connections go by.</summary>
    public CertificateSet Current => _current;

    /// <summary>Why what the files hold now is not in use; null when it is.</summary>
    public string? Problem => _problem;

    /// <summary>Looks whether the files have changed.</summary>
    /// <returns>Whether there is a new <see cref="Current"/>.</returns>
    public bool Look()
    {
        string[]? content = null;
        string now;
        string? error = null;
        try
        {
            now = Revision(content = Read());
        }
        catch (CertificateException exception)
        {
            now = error = exception.Message;
        }

        var before = _seen;
        _seen = now;
        if (now == _taken)
        {
            (_problem, _refused) = (null, "");
            return false;
        }

        if (now != before || now == _refused)
        {
            return false;
        }

        try
        {
            _current = Parse(content ?? throw new CertificateException(error!));
            (_taken, _problem, _refused) = (now, null, "");
            return true;
        }
        catch (CertificateException exception)
        {
            (_problem, _refused) = (exception.Message, now);
            return false;
        }
    }

    private string[] Read()
    {
        var left = MostBytes;
        return [.. _files.Select(file =>
        {
            try
            {
                var content = PlainFile.Read(file, left);
                left -= content.Length;
                return Encoding.UTF8.GetString(content);
            }
            catch (PlainFileException exception)
            {
                throw new CertificateException(exception.Message);
            }
        })];
    }

    private CertificateSet Parse(string[] content) =>
        CertificateSet.Parse((_files[0], content[0]), (_files[1], content[1]), _files.Length > 2 ? (_files[2], content[2]) : null);

    private static string Revision(string[] content) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', content))));
}
