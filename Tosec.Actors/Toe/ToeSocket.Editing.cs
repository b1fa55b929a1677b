using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

// What SVMs' engines take out of the streams and put into them: credit is counted here, so it has to be told here.
internal sealed partial class ToeSocket
{
    /// <summary>Payloads are gone on their way, or an SVM asks whether an answer of its engine has room.</summary>
    public void OnEdit(int party, in Descriptor descriptor)
    {
        if (_send is null || _receive is null || _released)
            return;
        var outgoing = (descriptor.StreamId & 1) == 0;
        if (descriptor.Opcode == Opcode.AnswerRoom)
        {
            _toe.Port.Send(party, descriptor with { Code = (ushort)RoomFor(descriptor, outgoing) });
            return;
        }

        if (outgoing)
        {
            _send.Refund(descriptor.Arg1);
            AfterSending();
            return;
        }

        _receive.Refund(descriptor.Arg0, descriptor.Arg1);
        Resume();
    }

    private int RoomFor(in Descriptor answer, bool outgoing)
    {
        if (outgoing ? _send!.Finished : _guestClosed || _aborted || _receive!.Finished)
            return Errno.EPIPE;
        return (outgoing ? _send!.HasRoom : _receive!.TryReserve(answer.Arg0, answer.Arg1)) ? 0 : Errno.EAGAIN;
    }
}
