//! Loads, stores, copies, and what has to do with their order.

use super::{
    decoder::{Address, AddressBase, Decoder, Result},
    moves::space,
};
use crate::{
    fault::{FaultKind, Trap},
    machine::{
        code::Op,
        env::{Env, Kind},
        schedule::order,
        value::{LANES, Source},
        warp::Warp,
    },
    ptx::{
        tree::Operand,
        types::{Space, Type},
    },
};

/// The addresses of an operand in all lanes.
#[inline]
pub fn addresses(warp: &Warp, env: &Env<'_>, address: Address) -> [u64; LANES] {
    let offset = address.offset as u64;
    match address.base {
        AddressBase::Zero => [offset; LANES],
        AddressBase::Wide(source) => warp.get::<u64>(source).map(|base| base.wrapping_add(offset)),
        AddressBase::Narrow(source) => warp.get::<u32>(source).map(|base| u64::from(base).wrapping_add(offset)),
        AddressBase::Frame => std::array::from_fn(|lane| u64::from(warp.lanes[lane].local_base).wrapping_add(offset)),
        AddressBase::Shared(number) => {
            [u64::from(env.dispatch.shared_offsets[number as usize]).wrapping_add(offset); LANES]
        }
    }
}

/// What orders an access among others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Weak,
    Volatile,
    Relaxed,
    Acquire,
    Release,
    Io,
}

pub const SCOPES: [(&str, ()); 4] = [(".cta", ()), (".cluster", ()), (".gpu", ()), (".sys", ())];

/// The words that say how an access is ordered.
fn access_order(d: &mut Decoder<'_, '_>, is_store: bool) -> Result<Order> {
    let order = d.one_of(&[
        (".weak", Order::Weak),
        (".volatile", Order::Volatile),
        (".relaxed", Order::Relaxed),
        (".acquire", Order::Acquire),
        (".release", Order::Release),
        (".mmio", Order::Io),
    ]);
    let order = order.unwrap_or(Order::Weak);
    if order == (if is_store { Order::Acquire } else { Order::Release }) {
        return Err(d.error("a load acquires, and a store releases"));
    }
    match order {
        Order::Weak | Order::Volatile => {}
        Order::Relaxed | Order::Acquire | Order::Release => {
            d.need((6, 0), 70)?;
            d.must(&SCOPES)?;
        }
        Order::Io => {
            d.need((8, 2), 70)?;
            d.must(&[(".relaxed", ())])?;
            d.must(&[(".sys", ())])?;
        }
    }
    Ok(order)
}

/// The words about caches: they change nothing here.
fn caching(d: &mut Decoder<'_, '_>, operators: &[&str]) -> Result<bool> {
    let mut has_policy = false;
    if let Some(word) = d.modifier()
        && operators.contains(&word)
    {
        d.eat(word);
    }
    let eviction = ["evict_normal", "evict_unchanged", "evict_first", "evict_last", "no_allocate"];
    while let Some(word) = d.modifier() {
        let is_known = match word.split_once("::") {
            Some((".L1", what)) => eviction.contains(&what),
            Some((".L2", "cache_hint")) => {
                has_policy = true;
                true
            }
            Some((".L2", what)) => eviction[..4].contains(&what) || matches!(what, "64B" | "128B" | "256B"),
            _ => break,
        };
        if !is_known {
            return Err(d.error(format!("the modifier `{word}` is not known here")));
        }
        d.need((7, 4), 70)?;
        d.eat(word);
    }
    Ok(has_policy)
}

/// The operand that a cache policy is.
fn policy(d: &mut Decoder<'_, '_>, is_there: bool) -> Result<()> {
    if is_there {
        d.source(Type::B64)?;
    }
    Ok(())
}

fn vector(d: &mut Decoder<'_, '_>) -> Option<u32> {
    d.one_of(&[(".v2", 2), (".v4", 4), (".v8", 8)])
}

/// Where the space of an access stands, it may be missing.
fn optional_space(d: &mut Decoder<'_, '_>) -> Result<Space> {
    match d.modifier() {
        Some(word) if Space::of(word).is_some() => space(d),
        _ => Ok(Space::Generic),
    }
}

/// Refuses more bytes than one access can have.
fn check_width(d: &Decoder<'_, '_>, ty: Type, count: u32, space: Space) -> Result<()> {
    if ty.bytes() * count <= 16 && count <= 4 {
        return Ok(());
    }
    if ty.bytes() * count <= 32 && ty.bytes() >= 4 && matches!(space, Space::Global | Space::Generic) {
        return d.need((8, 8), 100);
    }
    Err(d.error(format!("an access of {} bytes; 16 are the most", ty.bytes() * count)))
}

/// The registers of a vector operand, or of a single one; `None` for those that do not matter.
fn registers<'a, 'd>(
    d: &Decoder<'d, 'a>,
    operand: &'d Operand<'a>,
    count: Option<u32>,
) -> Result<Vec<&'d Operand<'a>>> {
    match (operand, count) {
        (Operand::Vector(parts), Some(count)) if parts.len() == count as usize => Ok(parts.iter().collect()),
        (Operand::Vector(_), _) | (_, Some(_)) => {
            Err(d.error("the operand has another number of values than the modifiers say"))
        }
        (single, None) => Ok(vec![single]),
    }
}

/// What becomes of a value that is loaded: a row, the register's bits, the type.
#[derive(Clone, Copy, Debug)]
struct Target {
    row: u32,
    bits: u32,
    ty: Type,
}

impl Target {
    #[inline]
    fn put(self, warp: &mut Warp, lane: usize, value: u64) {
        let unused = 64 - self.ty.bits();
        let value = if self.ty.is_signed() { ((value << unused) as i64 >> unused) as u64 } else { value };
        match self.bits {
            64 => warp.set_lane(self.row, lane, value),
            bits => warp.set_lane(self.row, lane, value as u32 & (u32::MAX >> (32 - bits))),
        }
    }
}

fn check_memory_type(d: &Decoder<'_, '_>, ty: Type) -> Result<()> {
    if matches!(
        ty,
        Type::Pred | Type::F16x2 | Type::Bf16x2 | Type::Tf32 | Type::F16 | Type::Bf16 | Type::U16x2 | Type::S16x2
    ) {
        return Err(d.bad_type(ty));
    }
    if ty == Type::B128 {
        d.need((8, 3), 70)?;
    }
    Ok(())
}

/// `ld`, `ldu`
pub fn load(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let is_uniform = d.instruction.opcode == "ldu";
    let order_of = if is_uniform { Order::Weak } else { access_order(d, false)? };
    let space = optional_space(d)?;
    let mut has_policy = caching(d, &[".ca", ".cg", ".cs", ".lu", ".cv"])?;
    if d.eat(".nc") {
        if space != Space::Global {
            return Err(d.error("`.nc` is for global memory"));
        }
        has_policy |= caching(d, &[])?;
    }
    let count = vector(d);
    let ty = d.ty()?;
    check_memory_type(d, ty)?;
    check_width(d, ty, count.unwrap_or(1), space)?;
    let operand = d.operand()?;
    let mut targets = Vec::new();
    for part in registers(d, operand, count)? {
        targets.push(match part {
            Operand::Sink if count.is_some() => None,
            part => {
                let (row, register) = d.register_of(part, ty, true)?;
                Some(Target { row, bits: register.bits(), ty })
            }
        });
    }
    let address = d.address(space)?;
    policy(d, has_policy)?;
    let acquires = order_of == Order::Acquire;
    let bytes = ty.bytes();
    let total = u64::from(bytes) * targets.len() as u64;
    if ty == Type::B128 {
        let Some(target) = targets[0] else { return Err(d.error("an operand is missing")) };
        return Ok(Op::Access(Box::new(move |warp, env| {
            let all = addresses(warp, env, address);
            for lane in warp.active() {
                let place = env.place(warp, lane, (address.space, all[lane]), 16, Kind::Load)?;
                let (low, high) = (env.load(warp, lane, place, 0, 8), env.load(warp, lane, place, 8, 8));
                warp.set_lane(target.row, lane, u128::from(high) << 64 | u128::from(low));
            }
            if acquires {
                order();
            }
            Ok(())
        })));
    }
    if let ([Some(target)], false) = (targets.as_slice(), acquires) {
        let target = *target;
        return Ok(Op::Access(Box::new(move |warp, env| {
            let all = addresses(warp, env, address);
            for lane in warp.active() {
                let place = env.place(warp, lane, (address.space, all[lane]), total, Kind::Load)?;
                let value = env.load(warp, lane, place, 0, bytes);
                target.put(warp, lane, value);
            }
            Ok(())
        })));
    }
    Ok(Op::Access(Box::new(move |warp, env| {
        let all = addresses(warp, env, address);
        for lane in warp.active() {
            let place = env.place(warp, lane, (address.space, all[lane]), total, Kind::Load)?;
            for (number, target) in targets.iter().enumerate() {
                if let Some(target) = target {
                    let value = env.load(warp, lane, place, number * bytes as usize, bytes);
                    target.put(warp, lane, value);
                }
            }
        }
        if acquires {
            order();
        }
        Ok(())
    })))
}

/// The value of a source in one lane, whatever its width.
#[inline]
pub fn value(warp: &Warp, source: Source, is_wide: bool, lane: usize) -> u64 {
    if is_wide { warp.get::<u64>(source)[lane] } else { u64::from(warp.get::<u32>(source)[lane]) }
}

/// `st`
pub fn store(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let order_of = access_order(d, true)?;
    let space = optional_space(d)?;
    if space == Space::Const {
        return Err(d.error("constant memory is not stored to"));
    }
    let has_policy = caching(d, &[".wb", ".cg", ".cs", ".wt"])?;
    let count = vector(d);
    let ty = d.ty()?;
    check_memory_type(d, ty)?;
    check_width(d, ty, count.unwrap_or(1), space)?;
    let address = d.address(space)?;
    if address.space == Space::Param {
        return Err(d.error("a kernel's parameters are not stored to"));
    }
    let operand = d.operand()?;
    let mut sources = Vec::new();
    for part in registers(d, operand, count)? {
        let (source, found) = d.source_of(part, ty, true)?;
        sources.push((source, found.bits() == 64));
    }
    policy(d, has_policy)?;
    let releases = order_of == Order::Release;
    let bytes = ty.bytes();
    let total = u64::from(bytes) * sources.len() as u64;
    if ty == Type::B128 {
        let source = sources[0].0;
        return Ok(Op::Access(Box::new(move |warp, env| {
            if releases {
                order();
            }
            let all = addresses(warp, env, address);
            for lane in warp.active() {
                let place = env.place(warp, lane, (address.space, all[lane]), 16, Kind::Store)?;
                let value = warp.get::<u128>(source)[lane];
                env.store(warp, lane, place, 0, 8, value as u64);
                env.store(warp, lane, place, 8, 8, (value >> 64) as u64);
            }
            Ok(())
        })));
    }
    Ok(Op::Access(Box::new(move |warp, env| {
        if releases {
            order();
        }
        let all = addresses(warp, env, address);
        for lane in warp.active() {
            let place = env.place(warp, lane, (address.space, all[lane]), total, Kind::Store)?;
            for (number, (source, is_wide)) in sources.iter().enumerate() {
                let value = value(warp, *source, *is_wide, lane);
                env.store(warp, lane, place, number * bytes as usize, bytes, value);
            }
        }
        Ok(())
    })))
}

/// `prefetch`, `prefetchu`, `applypriority`, `discard`: hints.
pub fn prefetch(d: &mut Decoder<'_, '_>) -> Result<Op> {
    let space = if d.instruction.opcode == "prefetchu" { Space::Generic } else { optional_space(d)? };
    if !matches!(space, Space::Generic | Space::Global | Space::Local) {
        return Err(d.error("memory of this space is not fetched ahead"));
    }
    d.must(&[(".L1", ()), (".L2", ()), (".L2::evict_last", ()), (".L2::evict_normal", ())])?;
    d.address(space)?;
    Ok(nothing())
}

/// A step that does nothing.
pub fn nothing() -> Op {
    Op::Compute(Box::new(|_| {}))
}

/// `membar`, `fence`
pub fn fence(d: &mut Decoder<'_, '_>) -> Result<Op> {
    if d.instruction.opcode == "membar" {
        d.must(&[(".cta", ()), (".gl", ()), (".sys", ()), (".gpu", ())])?;
    } else {
        let sort = d.one_of(&[(".sc", 0), (".acq_rel", 0), (".acquire", 1), (".release", 1)]);
        if sort == Some(1) {
            d.need((8, 6), 90)?;
        }
        d.must(&SCOPES)?;
    }
    Ok(Op::Compute(Box::new(|_| order())))
}

/// `cp.async`: a copy to shared memory. It is complete at once.
pub fn copy(d: &mut Decoder<'_, '_>) -> Result<Op> {
    d.must(&[(".async", ())])?;
    if d.modifier()
        .is_some_and(|word| word.starts_with(".bulk") || word.starts_with(".mbarrier") || word.starts_with(".reduce"))
    {
        return Err(d.unknown());
    }
    d.need((7, 0), 80)?;
    if d.eat(".commit_group") || d.eat(".wait_all") {
        return Ok(nothing());
    }
    if d.eat(".wait_group") {
        d.number()?;
        return Ok(nothing());
    }
    let is_wide = d.must(&[(".ca", false), (".cg", true)])?;
    d.must(&[(".shared", ()), (".shared::cta", ())])?;
    d.must(&[(".global", ())])?;
    let has_policy = caching(d, &[])?;
    let to = d.address(Space::Shared)?;
    let from = d.address(Space::Global)?;
    let bytes = d.number()?;
    if !(bytes == 16 || !is_wide && matches!(bytes, 4 | 8)) {
        return Err(d.error(format!("`cp.async` of {bytes} bytes; it copies 4, 8 or 16, and `.cg` 16 alone")));
    }
    // How many bytes are read; the others are 0. Or whether none is.
    let (mut size, mut ignore) = (None, None);
    if d.operands_left() > usize::from(has_policy) {
        let is_predicate = match d.peek() {
            Some(Operand::Name(name, 0)) => d.register(name)?.1 == Type::Pred,
            Some(Operand::Not(_)) => true,
            _ => false,
        };
        if is_predicate {
            ignore = Some(d.predicate()?);
        } else {
            size = Some(d.source(Type::U32)?);
        }
    }
    policy(d, has_policy)?;
    Ok(Op::Access(Box::new(move |warp, env| {
        let (targets, sources) = (addresses(warp, env, to), addresses(warp, env, from));
        let ignored = ignore.map_or(0, |(source, negated)| warp.predicate(source) ^ if negated { u32::MAX } else { 0 });
        for lane in warp.active() {
            let asked = size.map_or(bytes, |source| u64::from(warp.get::<u32>(source)[lane]));
            let read = if ignored >> lane & 1 != 0 { 0 } else { asked.min(bytes) };
            copy_lane(warp, env, lane, (to.space, targets[lane]), (from.space, sources[lane]), bytes, read)?;
        }
        Ok(())
    })))
}

fn copy_lane(
    warp: &mut Warp,
    env: &mut Env<'_>,
    lane: usize,
    to: (Space, u64),
    from: (Space, u64),
    bytes: u64,
    read: u64,
) -> std::result::Result<(), Box<Trap>> {
    let target = env.place(warp, lane, to, bytes, Kind::Store)?;
    let mut values = [0_u8; 16];
    if read > 0 {
        if !from.1.is_multiple_of(bytes) {
            let detail = format!("copy of {bytes} bytes from {:#x}, which is no multiple of {bytes}", from.1);
            return Err(Trap::at(FaultKind::Misaligned, from.1, detail).in_lane(lane));
        }
        for (number, value) in values.iter_mut().enumerate().take(read as usize) {
            let place = env.place(warp, lane, (from.0, from.1.wrapping_add(number as u64)), 1, Kind::Load)?;
            *value = env.load(warp, lane, place, 0, 1) as u8;
        }
    }
    for (number, value) in values.iter().enumerate().take(bytes as usize) {
        env.store(warp, lane, target, number, 1, u64::from(*value));
    }
    Ok(())
}
