namespace Tosec.Transport.Shm.Layout;

/// <summary>What a descriptor says. In C: <c>tosec_opcode</c>.</summary>
public enum Opcode : byte
{
    None = 0,

    /// <summary>Channel to first hop (send buffer in edge), or hop to hop (sealed or receive buffer).</summary>
    Payload = 1,

    /// <summary>Behind the last payload of a stream.</summary>
    Fin = 2,

    /// <summary>The stream ended with an error; <c>Code</c> is the errno.</summary>
    Reset = 3,

    /// <summary>TOVM to SVM: the stream record of <c>Slot</c> is ready.</summary>
    StreamOpen = 4,

    /// <summary>TOVM to the SVMs along the incoming path: forget the connection.</summary>
    StreamClose = 5,

    /// <summary>Last SVM of that path to TOVM: everyone has forgotten it.</summary>
    StreamClosed = 6,

    /// <summary>SVM to TOVM: end the connection; <c>Code</c> is the errno that the guest sees.</summary>
    Block = 7,

    /// <summary>Channel to TOVM: a request in the RPC slot at <c>Offset</c>.</summary>
    Rpc = 8,

    /// <summary>TOVM to channel: <c>Arg0</c> is the result, or a negative errno.</summary>
    RpcReply = 9,

    /// <summary>Channel to TOVM: the receive ring of <c>Slot</c> has been read on.</summary>
    Credit = 10,

    /// <summary>Agent to TOVM: the last reference to <c>Slot</c> is gone.</summary>
    Close = 11,

    /// <summary>
    /// SVM to TOVM: an engine has taken payloads out of the stream. <c>Arg0</c> is their number, <c>Arg1</c> the credit they cost.
    /// </summary>
    Removed = 12,

    /// <summary>
    /// SVM to TOVM: asks for room to put an answer of <c>Arg1</c> bytes of buffer into the stream. TOVM to SVM: <c>Code</c> is 0 when it
    /// is granted (and counted), EAGAIN when the stream's reader has to read first, EPIPE when nobody reads any more.
    /// </summary>
    AnswerRoom = 13,
}

/// <summary>Methods of the RPC channel (<c>Descriptor.Code</c>). In C: <c>tosec_rpc</c>.</summary>
public enum RpcMethod : ushort
{
    Socket = 1,
    Bind = 2,
    Listen = 3,
    Connect = 4,
    SetOption = 5,
    GetOption = 6,
    Shutdown = 7,
}
