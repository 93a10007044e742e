//! Drops barriers that order nothing.
//!
//! The language puts a barrier before each write of LDS, for those who still read it, and one after, for those who read it
//! next. So a first write has a barrier with nothing before it, and two writes in a row have two barriers with nothing
//! between them.
//!
//! A barrier orders what items do between the barriers before it and itself with what items do between itself and the
//! barriers after it. It is redundant if no access of the one kind conflicts with one of the other: both to LDS, or both to
//! other memory, and one of them a write. Without it these accesses may happen in any order, which nobody can tell, and the
//! barriers around it still order all others. Every item of a group reaches the same barriers, so what is redundant for one
//! is so for all.
//!
//! A barrier of all ([`BARRIER_OF_ALL`]) stays, and orders as any other.
//!
//! An access counts unless it is surely to the item's own stack, to a constant or to the kernel's arguments; one that may be
//! to LDS or to other memory counts as both; an atomic operation or a call counts as a write. One barrier is dropped at a
//! time: what is between its neighbours grows.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ops::{BitOr, BitOrAssign},
};

use llvm_sys::LLVMOpcode;

use super::{
    address_spaces::AddressSpaces,
    group_scope::{self, BARRIER, BARRIER_OF_ALL},
};
use crate::{
    ir::{Block, Value},
    targets::gpu::GENERIC,
};

pub fn run(kernel: Value, spaces: AddressSpaces) {
    let mut code = Code::of(kernel, spaces);
    while let Some((block, event)) = code.redundant() {
        if let Event::Barrier { droppable: Some(barrier) } = code.events[block].remove(event) {
            barrier.erase();
        }
    }
}

/// What accesses there are.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Accesses(u8);

impl Accesses {
    const NONE: Self = Self(0);
    const LDS_READ: Self = Self(1);
    const LDS_WRITE: Self = Self(2);
    const OTHER_READ: Self = Self(4);
    const OTHER_WRITE: Self = Self(8);
    const ALL: Self = Self(15);

    fn has(self, some: Self) -> bool {
        self.0 & some.0 != 0
    }

    fn conflicts_with(self, other: Self) -> bool {
        let conflict = |read: Self, write: Self| {
            self.has(write) && other.has(read | write) || other.has(write) && self.has(read | write)
        };
        conflict(Self::LDS_READ, Self::LDS_WRITE) || conflict(Self::OTHER_READ, Self::OTHER_WRITE)
    }
}

impl BitOr for Accesses {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Accesses {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

/// What matters of an instruction.
enum Event {
    Access(Accesses),
    Barrier { droppable: Option<Value> },
}

/// What matters of a kernel, block by block.
struct Code {
    events: Vec<Vec<Event>>,
    successors: Vec<Vec<usize>>,
}

impl Code {
    fn of(kernel: Value, spaces: AddressSpaces) -> Self {
        let blocks: Vec<Block> = kernel.blocks().collect();
        let numbers: HashMap<Block, usize> = blocks.iter().enumerate().map(|(i, &block)| (block, i)).collect();
        let events = blocks
            .iter()
            .map(|block| block.instructions().into_iter().filter_map(|i| event(i, spaces)).collect())
            .collect();
        let successors =
            blocks.iter().map(|block| block.successors().iter().map(|next| numbers[next]).collect()).collect();
        Self { events, successors }
    }

    /// Block and number of a redundant barrier.
    fn redundant(&self) -> Option<(usize, usize)> {
        let predecessors = {
            let mut predecessors = vec![Vec::new(); self.events.len()];
            for (block, successors) in self.successors.iter().enumerate() {
                for &next in successors {
                    predecessors[next].push(block);
                }
            }
            predecessors
        };
        let before = self.flow(&self.successors, |events| after_last_barrier(events.iter()));
        let after = self.flow(&predecessors, |events| after_last_barrier(events.iter().rev()));
        for (block, events) in self.events.iter().enumerate() {
            for (at, event) in events.iter().enumerate() {
                if !matches!(event, Event::Barrier { droppable: Some(_) }) {
                    continue;
                }
                let (earlier, only) = after_last_barrier(events[..at].iter());
                let earlier = if only { earlier | before[block] } else { earlier };
                let (later, only) = after_last_barrier(events[at + 1..].iter().rev());
                let later = if only { later | after[block] } else { later };
                if !earlier.conflicts_with(later) {
                    return Some((block, at));
                }
            }
        }
        None
    }

    /// For each block, what reaches it along `next` without a barrier in between. `through` says what leaves a block: the
    /// accesses after its last barrier, and whether it has none, so that what reaches it leaves it as well.
    fn flow(&self, next: &[Vec<usize>], through: impl Fn(&[Event]) -> (Accesses, bool)) -> Vec<Accesses> {
        let mut reaching = vec![Accesses::NONE; self.events.len()];
        let mut queue: VecDeque<usize> = (0..self.events.len()).collect();
        while let Some(block) = queue.pop_front() {
            let (own, no_barrier) = through(&self.events[block]);
            let leaving = if no_barrier { own | reaching[block] } else { own };
            for &next in &next[block] {
                let all = reaching[next] | leaving;
                if all != reaching[next] {
                    reaching[next] = all;
                    queue.push_back(next);
                }
            }
        }
        reaching
    }
}

/// The accesses after the last barrier, and whether there was none.
fn after_last_barrier<'a>(events: impl Iterator<Item = &'a Event>) -> (Accesses, bool) {
    events.fold((Accesses::NONE, true), |(accesses, no_barrier), event| match event {
        Event::Access(more) => (accesses | *more, no_barrier),
        Event::Barrier { .. } => (Accesses::NONE, false),
    })
}

fn event(instruction: Value, spaces: AddressSpaces) -> Option<Event> {
    let target = |pointer| target(pointer, spaces);
    let accesses = match instruction.opcode() {
        LLVMOpcode::LLVMLoad => target(instruction.operand(0)).reads(),
        LLVMOpcode::LLVMStore => target(instruction.operand(1)).writes(),
        LLVMOpcode::LLVMAtomicRMW | LLVMOpcode::LLVMAtomicCmpXchg => target(instruction.operand(0)).writes(),
        LLVMOpcode::LLVMFence => Accesses::ALL,
        _ if instruction.is_call() => {
            let callee = instruction.callee();
            let name = if callee.is_function() { callee.name() } else { String::new() };
            match &*name {
                BARRIER => return Some(Event::Barrier { droppable: Some(instruction) }),
                BARRIER_OF_ALL => return Some(Event::Barrier { droppable: None }),
                _ => {}
            }
            call(instruction, &name, spaces)
        }
        _ => Accesses::NONE,
    };
    (accesses != Accesses::NONE).then_some(Event::Access(accesses))
}

fn call(instruction: Value, name: &str, spaces: AddressSpaces) -> Accesses {
    // Asking for LDS is no access; what the address is used for may be. A panic is noted in LDS that nothing else touches.
    if group_scope::is_intrinsic(name) || !name.is_empty() && instruction.callee().accesses_no_memory() {
        return Accesses::NONE;
    }
    // What ends the item's run accesses nothing.
    if name.starts_with("llvm.") && instruction.callee().has_function_attribute("noreturn") {
        return Accesses::NONE;
    }
    let of_arguments = |access: fn(Target) -> Accesses| {
        let pointers = instruction.arguments().into_iter().filter(|argument| argument.ty().is_pointer());
        pointers.fold(Accesses::NONE, |all, pointer| all | access(target(pointer, spaces)))
    };
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if starts(&["llvm.memcpy.", "llvm.memmove.", "llvm.memset."]) {
        of_arguments(Target::writes)
    } else if starts(&["llvm.lifetime.", "llvm.assume", "llvm.dbg.", "llvm.experimental.noalias.scope.decl"]) {
        Accesses::NONE
    } else {
        Accesses::ALL
    }
}

/// What a pointer may point to, as far as items share it.
#[derive(Clone, Copy)]
struct Target {
    lds: bool,
    other: bool,
}

impl Target {
    fn reads(self) -> Accesses {
        self.accesses(Accesses::LDS_READ, Accesses::OTHER_READ)
    }

    fn writes(self) -> Accesses {
        self.accesses(Accesses::LDS_WRITE, Accesses::OTHER_WRITE)
    }

    fn accesses(self, lds: Accesses, other: Accesses) -> Accesses {
        let mut all = Accesses::NONE;
        if self.lds {
            all |= lds;
        }
        if self.other {
            all |= other;
        }
        all
    }
}

/// Follows a pointer to all that it may be computed from.
fn target(pointer: Value, spaces: AddressSpaces) -> Target {
    let mut target = Target { lds: false, other: false };
    let mut queue = vec![pointer];
    let mut seen = HashSet::from([pointer]);
    while let Some(pointer) = queue.pop() {
        let space = pointer.ty().address_space();
        // A family may keep several sorts in one space, above all in the generic one: then it says nothing.
        let is = |of: u32| space == of && space != GENERIC;
        let sources = if pointer.is_global_variable() {
            target.other |= !pointer.is_global_constant();
            Vec::new()
        } else if is(spaces.global) {
            target.other = true;
            Vec::new()
        } else if is(spaces.stack) || is(spaces.constant) {
            Vec::new()
        } else if pointer.is_instruction() || pointer.is_constant_expression() {
            let opcode = if pointer.is_instruction() { pointer.opcode() } else { pointer.const_opcode() };
            match opcode {
                LLVMOpcode::LLVMAlloca => Vec::new(),
                LLVMOpcode::LLVMGetElementPtr | LLVMOpcode::LLVMAddrSpaceCast => vec![pointer.operand(0)],
                LLVMOpcode::LLVMSelect => vec![pointer.operand(1), pointer.operand(2)],
                LLVMOpcode::LLVMPHI => pointer.operands(),
                LLVMOpcode::LLVMCall if is_lds(pointer) => {
                    target.lds = true;
                    Vec::new()
                }
                // A pointer that was loaded is one to a buffer, if its place says so; or anything.
                LLVMOpcode::LLVMLoad if is_argument(pointer.operand(0)) => {
                    target.other = true;
                    Vec::new()
                }
                _ => return Target { lds: true, other: true },
            }
        } else if pointer.is_parameter() {
            // Of the kernel: the kernarg segment, which nobody writes.
            Vec::new()
        } else {
            return Target { lds: true, other: true };
        };
        queue.extend(sources.into_iter().filter(|&source| seen.insert(source)));
    }
    target
}

fn is_lds(call: Value) -> bool {
    call.callee().is_function() && group_scope::is_intrinsic(&call.callee().name())
}

/// Whether a pointer is one into the kernarg segment, which holds no addresses of LDS.
fn is_argument(pointer: Value) -> bool {
    let mut pointer = pointer;
    while pointer.is_instruction()
        && matches!(pointer.opcode(), LLVMOpcode::LLVMGetElementPtr | LLVMOpcode::LLVMAddrSpaceCast)
    {
        pointer = pointer.operand(0);
    }
    pointer.is_parameter()
}
