using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Clamd;

/// <summary>Gives a file descriptor to the process at the other end of a unix socket (unix(7), SCM_RIGHTS), which .NET does not offer.</summary>
internal static unsafe partial class DescriptorPassing
{
    private const int SolSocket = 1;
    private const int ScmRights = 1;
    private const int MsgNoSignal = 0x4000;
    private const int GetFlags = 3;
    private const int AccessMode = 3;
    private const int WriteOnly = 1;
    private const int PathOnly = 0x200000;
    private const int Interrupted = 4;

    /// <summary>Sends the bytes with the descriptor.</summary>
    /// <exception cref="ArgumentException">It cannot be read by way of the descriptor. clamd would call it clean.</exception>
    /// <exception cref="IOException">The socket did not take it.</exception>
    public static void Send(Socket socket, ReadOnlySpan<byte> bytes, SafeFileHandle file)
    {
        var isSocketHeld = false;
        var isFileHeld = false;
        try
        {
            socket.SafeHandle.DangerousAddRef(ref isSocketHeld);
            file.DangerousAddRef(ref isFileHeld);
            var descriptor = (int)file.DangerousGetHandle();
            var flags = Control(descriptor, GetFlags);
            if (flags < 0 || (flags & AccessMode) == WriteOnly || (flags & PathOnly) != 0)
            {
                throw new ArgumentException("The file is not open for reading.", nameof(file));
            }

            fixed (byte* start = bytes)
            {
                var data = new Vector { Start = start, Length = (nuint)bytes.Length };
                var control = new ControlMessage { Length = (nuint)(sizeof(nuint) + (3 * sizeof(int))), Level = SolSocket, Type = ScmRights, Descriptor = descriptor };
                var message = new Message { Vectors = &data, VectorCount = 1, Control = &control, ControlLength = (nuint)sizeof(ControlMessage) };
                nint sent;
                int error;
                do
                {
                    sent = SendMessage((int)socket.SafeHandle.DangerousGetHandle(), &message, MsgNoSignal);
                    error = Marshal.GetLastPInvokeError();
                }
                while (sent < 0 && error == Interrupted);

                if (sent != bytes.Length)
                {
                    throw new IOException(sent < 0 ? Marshal.GetPInvokeErrorMessage(error) : "the descriptor was sent in part");
                }
            }
        }
        finally
        {
            if (isFileHeld)
            {
                file.DangerousRelease();
            }

            if (isSocketHeld)
            {
                socket.SafeHandle.DangerousRelease();
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(int socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command);

    // struct iovec.
    [StructLayout(LayoutKind.Sequential)]
    private struct Vector
    {
        public byte* Start;
        public nuint Length;
    }

    // struct msghdr of 64-bit Linux, glibc and musl alike (little endian).
    [StructLayout(LayoutKind.Explicit, Size = 56)]
    private struct Message
    {
        [FieldOffset(16)] public Vector* Vectors;
        [FieldOffset(24)] public nuint VectorCount;
        [FieldOffset(32)] public void* Control;
        [FieldOffset(40)] public nuint ControlLength;
    }

    // struct cmsghdr with one descriptor, padded to CMSG_SPACE(sizeof(int)).
    [StructLayout(LayoutKind.Sequential, Size = 24)]
    private struct ControlMessage
    {
        public nuint Length;
        public int Level;
        public int Type;
        public int Descriptor;
    }
}
