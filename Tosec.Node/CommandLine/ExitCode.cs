namespace Tosec.Node.CommandLine;

/// <summary>What the program's exit code says; the numbers of <c>sysexits.h</c>, and the shell's where a program is run.</summary>
public enum ExitCode
{
    /// <summary>What was asked for was done; for a node: it was asked to stop and has stopped.</summary>
    Ok = 0,

    /// <summary><c>tosec cmd</c>: the node answered with an error.</summary>
    Failed = 1,

    /// <summary>The command line is wrong.</summary>
    Usage = 64,

    /// <summary>Something that is needed is not there: the agent, the node, a directory, a port.</summary>
    Unavailable = 69,

    /// <summary>A mistake of this program, or an end that nobody asked for.</summary>
    Internal = 70,

    /// <summary>A configuration or a program that cannot be used as it is.</summary>
    Configuration = 78,

    /// <summary><c>tosec run</c>: the program exists and cannot be executed.</summary>
    NotExecutable = 126,

    /// <summary><c>tosec run</c>: there is no such program.</summary>
    NotFound = 127,
}
