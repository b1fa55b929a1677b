using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Engines.Antivirus.Clamd;

/// <summary>A file that exists in memory only and has no name: nothing of it reaches a disk (but swap). One thread at a time.</summary>
internal sealed partial class MemoryFile : IDisposable
{
    private const uint MFD_CLOEXEC = 1;

    private readonly SafeFileHandle _file;

    /// <exception cref="NativeFailure">EMFILE or ENFILE: too many files are open; ENOMEM.</exception>
    public MemoryFile()
    {
        _file = Create("tosec-object", MFD_CLOEXEC);
        var errno = Marshal.GetLastPInvokeError();
        if (_file.IsInvalid) throw NativeFailure.From(errno, "memfd_create(tosec-object)");
    }

    public long Length { get; private set; }

    /// <summary>For passing on; the file stays the owner.</summary>
    public int Descriptor => (int)_file.DangerousGetHandle();

    public void Append(ReadOnlySpan<byte> bytes)
    {
        RandomAccess.Write(_file, bytes, Length);
        Length += bytes.Length;
    }

    /// <summary>Reads up to so many bytes; 0 at the end.</summary>
    public int Read(Span<byte> bytes, long offset) => RandomAccess.Read(_file, bytes, offset);

    /// <summary>A stream over the file as it is now; it does not own the file.</summary>
    public Stream OpenRead() => new Reader(this);

    public void Dispose() => _file.Dispose();

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Create(string name, uint flags);

    private sealed class Reader(MemoryFile file) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length => file.Length;

        public override long Position { get; set; }

        public override int Read(Span<byte> buffer)
        {
            var read = file.Read(buffer, Position);
            Position += read;
            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => Position + offset,
            _ => Length + offset,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
