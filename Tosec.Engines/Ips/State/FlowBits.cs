namespace Tosec.Engines.Ips.State;

internal enum FlowBitKind : byte
{
    Set,
    Unset,
    Toggle,
    IsSet,
    IsNotSet,
}

/// <summary>One <c>flowbits</c> option. Several bits are alternatives of <see cref="FlowBitKind.IsSet"/> and its negation.</summary>
internal readonly record struct FlowBitOperation(FlowBitKind Kind, int[] Bits);

/// <summary>The flow bits of one connection. Belongs to its worker's thread.</summary>
internal struct FlowBitSet
{
    private ulong[]? _words;

    /// <summary>Changed since this was last set to false.</summary>
    public bool Changed { get; set; }

    /// <summary>Do all conditions among the operations hold?</summary>
    public readonly bool Allows(FlowBitOperation[] operations)
    {
        foreach (var operation in operations)
        {
            if (operation.Kind is not (FlowBitKind.IsSet or FlowBitKind.IsNotSet)) continue;
            var any = false;
            foreach (var bit in operation.Bits) any |= Has(bit);
            if (any != (operation.Kind == FlowBitKind.IsSet)) return false;
        }

        return true;
    }

    /// <summary>Carries out what is no condition.</summary>
    public void Apply(FlowBitOperation[] operations, int bits)
    {
        foreach (var operation in operations)
        {
            if (operation.Kind is FlowBitKind.IsSet or FlowBitKind.IsNotSet) continue;
            _words ??= new ulong[(bits + 63) / 64];
            foreach (var bit in operation.Bits)
            {
                var before = _words[bit >> 6];
                var mask = 1UL << bit;
                _words[bit >> 6] = operation.Kind switch
                {
                    FlowBitKind.Set => before | mask,
                    FlowBitKind.Unset => before & ~mask,
                    _ => before ^ mask,
                };
                Changed |= before != _words[bit >> 6];
            }
        }
    }

    private readonly bool Has(int bit) => _words is not null && (_words[bit >> 6] & (1UL << bit)) != 0;
}
