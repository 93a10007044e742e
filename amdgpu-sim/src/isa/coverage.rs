//! Which instructions have been executed: for reports on what tests reach.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    decode::Code,
    step::{Step, step},
    target::Target,
};

/// For each target, each mnemonic that its code has, and whether a wave has executed it.
#[derive(Debug, Default)]
pub struct Coverage(Mutex<HashMap<(Target, String), Arc<AtomicBool>>>);

impl Coverage {
    /// The mnemonics that waves have executed on this target, as the assembler has them.
    pub fn executed(&self, target: Target) -> BTreeSet<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let reached = all.iter().filter(|((of, _), reached)| *of == target && reached.load(Ordering::Relaxed));
        reached.map(|((_, mnemonic), _)| mnemonic.clone()).collect()
    }

    /// Has all instructions of the code say when they are executed. One that ends with a fault is not counted.
    pub fn watch(&self, code: &mut Code) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let target = code.target;
        // The last step is no instruction, and has no text.
        for (step, text) in code.steps.iter_mut().zip(&code.texts) {
            let reached: Vec<_> = mnemonics(text)
                .map(|mnemonic| Arc::clone(all.entry((target, mnemonic.to_owned())).or_default()))
                .collect();
            let inner = std::mem::replace(step, super::decode::nothing());
            *step = watched(inner, reached);
        }
    }
}

fn watched(inner: Step, reached: Vec<Arc<AtomicBool>>) -> Step {
    step(move |wave, env| {
        let flow = inner(wave, env)?;
        reached.iter().for_each(|reached| reached.store(true, Ordering::Relaxed));
        Ok(flow)
    })
}

/// The mnemonics of an instruction's text: one, or two for a pair.
fn mnemonics(text: &str) -> impl Iterator<Item = &str> {
    text.split("::").filter_map(|half| half.split_whitespace().next())
}
