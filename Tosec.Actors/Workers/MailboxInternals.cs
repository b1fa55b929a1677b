using System.Runtime.CompilerServices;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace Tosec.Actors.Workers;

/// <summary>
/// The one thing of Akka's mailbox that is not public and that direct delivery needs: whether it is open, not scheduled and
/// not suspended. <see cref="AreAsExpected"/> says whether this Akka has it in the form we know (tried with 1.5.74).
/// </summary>
internal static class MailboxInternals
{
    /// <summary>Result of trying the internals on a mailbox of no actor, once per process.</summary>
    public static bool AreAsExpected { get; } = Try();

    /// <summary>
    /// Whether the mailbox is open, not scheduled and not suspended. An acquire: what was queued before the status became
    /// "idle" is seen after it. Only if <see cref="AreAsExpected"/>.
    /// </summary>
    public static bool IsIdle(Mailbox mailbox) => Volatile.Read(ref Status(mailbox)) == 0;

    private static bool Try()
    {
        try
        {
            return StatusFollowsTheMailbox();
        }
        catch (MissingMemberException)
        {
            return false;
        }
    }

    // A method of its own: a missing member is thrown when the method that names it is compiled or run.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool StatusFollowsTheMailbox()
    {
        var mailbox = new Mailbox(new UnboundedMessageQueue());
        var asExpected = IsIdle(mailbox);
        asExpected &= SetAsScheduled(mailbox) && !IsIdle(mailbox);
        asExpected &= SetAsIdle(mailbox) && IsIdle(mailbox);
        asExpected &= Suspend(mailbox) && !IsIdle(mailbox);
        asExpected &= Resume(mailbox) && IsIdle(mailbox);
        asExpected &= BecomeClosed(mailbox) && !IsIdle(mailbox);
        return asExpected;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_statusDotNotCallMeDirectly")]
    private static extern ref int Status(Mailbox mailbox);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "SetAsScheduled")]
    private static extern bool SetAsScheduled(Mailbox mailbox);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "SetAsIdle")]
    private static extern bool SetAsIdle(Mailbox mailbox);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "Suspend")]
    private static extern bool Suspend(Mailbox mailbox);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "Resume")]
    private static extern bool Resume(Mailbox mailbox);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "BecomeClosed")]
    private static extern bool BecomeClosed(Mailbox mailbox);
}
