use std::hint::black_box;

const MIB: usize = 1 << 20;

/// Computes for ever; what it computes is looked at, so that no compiler leaves it out.
pub(crate) fn spin() -> ! {
    let mut n = 0u64;
    loop {
        n = black_box(n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

/// Holds as much memory as asked, and gives the bytes.
pub(crate) fn hold(bytes: Option<u64>) -> u64 {
    let mut held: Vec<Vec<u8>> = Vec::new();
    let mut left = bytes.unwrap_or(u64::MAX);
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(MIB).min(MIB);
        held.push(black_box(vec![1u8; part]));
        left -= part as u64;
    }
    held.iter().map(|part| part.len() as u64).sum()
}

/// Uses the stack up.
pub(crate) fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == u64::MAX {
        return depth;
    }
    recurse(black_box(depth + 1)).wrapping_add(frame[black_box(7)])
}
