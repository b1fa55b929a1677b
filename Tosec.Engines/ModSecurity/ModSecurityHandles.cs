using System.Runtime.InteropServices;

namespace Tosec.Engines.ModSecurity;

/// <summary>Owns a set of rules. Read-only once loaded; shared by transactions of any thread.</summary>
internal sealed class RuleSetHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        _ = ModSecurityNative.FreeRuleSet(handle);
        return true;
    }
}

/// <summary>Owns a transaction, and keeps its rules alive until it is gone. One thread at a time.</summary>
internal sealed class TransactionHandle : SafeHandle
{
    private readonly RuleSetHandle _rules;

    public TransactionHandle(RuleSetHandle rules, nint logContext) : base(0, ownsHandle: true)
    {
        _rules = rules;
        var added = false;
        rules.DangerousAddRef(ref added);
        SetHandle(ModSecurityNative.NewTransaction(ModSecurityEngine.Instance, rules, logContext));
        if (!IsInvalid) return;
        rules.DangerousRelease();
        throw new OutOfMemoryException("msc_new_transaction");
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        ModSecurityNative.FreeTransaction(handle);
        _rules.DangerousRelease();
        return true;
    }
}
