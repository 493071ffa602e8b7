using System.Globalization;
using System.Text;
using KubeCop.Storage;

namespace KubeCop.Exporters.Receivers;

/// <summary>Reads what the settings name and other people put in place while the program runs: secrets, certificates.</summary>
public static class PlainFile
{
    /// <summary>Most are small, and what is no plain file says nothing of its length.</summary>
    private const int PieceBytes = 16 * 1024;

    /// <summary>All of a file.</summary>
    /// <param name="mostBytes">A larger one is refused.</param>
    /// <exception cref="PlainFileException">It cannot be read, or is no plain file, or too large.</exception>
    public static byte[] Read(string path, int mostBytes)
    {
        try
        {
            using var handle = Posix.OpenForeign(path);
            using var stream = new FileStream(handle, FileAccess.Read, bufferSize: 0);
            if (!stream.CanSeek)
            {
                throw new PlainFileException($"{path} cannot be read: it is no plain file");
            }

            using var content = new MemoryStream();
            var piece = new byte[PieceBytes];
            while (stream.Read(piece) is > 0 and var length)
            {
                content.Write(piece, 0, length);
                if (content.Length > mostBytes)
                {
                    throw new PlainFileException(string.Create(CultureInfo.InvariantCulture, $"{path} is larger than {mostBytes} bytes"));
                }
            }

            return content.ToArray();
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException or IOException and not PlainFileException)
        {
            throw new PlainFileException($"{path} cannot be read: {exception.Message}", exception);
        }
    }

    /// <summary>All of a file, as UTF-8.</summary>
    /// <inheritdoc cref="Read"/>
    public static string ReadText(string path, int mostBytes) => Encoding.UTF8.GetString(Read(path, mostBytes));
}

/// <summary>A file cannot be used; the message names it.</summary>
public sealed class PlainFileException(string message, Exception? inner = null) : IOException(message, inner);
