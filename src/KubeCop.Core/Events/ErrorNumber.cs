namespace KubeCop.Core.Events;

/// <summary>Names of error numbers (errno).</summary>
public static class ErrorNumber
{
    /// <summary>There is no such file: what is refused was only looked for.</summary>
    public const int NoEntry = 2;

    // include/uapi/asm-generic/errno-base.h, from 1 on.
    private static readonly string[] Base =
    [
        "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF", "ECHILD", "EAGAIN", "ENOMEM", "EACCES", "EFAULT", "ENOTBLK",
        "EBUSY", "EEXIST", "EXDEV", "ENODEV", "ENOTDIR", "EISDIR", "EINVAL", "ENFILE", "EMFILE", "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC", "ESPIPE",
        "EROFS", "EMLINK", "EPIPE", "EDOM", "ERANGE",
    ];

    /// <summary>For example <c>EACCES</c>; one that has no name here is called by its number, for example <c>errno 200</c>.</summary>
    public static string Name(int number) => number switch
    {
        >= 1 when number <= Base.Length => Base[number - 1],
        36 => "ENAMETOOLONG",
        38 => "ENOSYS",
        40 => "ELOOP",
        80 => "ELIBBAD",
        95 => "EOPNOTSUPP",
        98 => "EADDRINUSE",
        99 => "EADDRNOTAVAIL",
        101 => "ENETUNREACH",
        110 => "ETIMEDOUT",
        111 => "ECONNREFUSED",
        113 => "EHOSTUNREACH",
        126 => "ENOKEY",
        129 => "EKEYREJECTED",
        _ => $"errno {number}",
    };
}
