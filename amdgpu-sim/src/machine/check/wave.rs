//! What is checked of one wave, and the order in which that is done.

use super::{GroupCheck, twin::Twin, waits::OpenOperations};
use crate::{
    isa::{registers::Class, step::Flow},
    machine::{
        fault::{FaultKind, Trap},
        wave::Wave,
        workgroup::{Env, Execute},
    },
};

/// What is checked of one wave.
#[derive(Debug)]
pub struct WaveCheck {
    /// Its number in the work-group.
    number: usize,
    twin: Twin,
    open: OpenOperations,
}

impl WaveCheck {
    /// The wave of this number begins; its twin was started with inverted junk. `count_stores`: stores count with loads, as
    /// before gfx10.
    pub fn new(number: usize, twin: Wave, count_stores: bool) -> Self {
        Self { number, twin: Twin::new(twin), open: OpenOperations::new(count_stores) }
    }
}

/// Executes a wave's instructions, and checks them.
#[derive(Debug)]
pub struct Checked<'c, 'd> {
    /// The work-group.
    pub group: &'c mut GroupCheck<'d>,
    /// The wave.
    pub wave: &'c mut WaveCheck,
}

impl Execute for Checked<'_, '_> {
    fn execute(&mut self, wave: &mut Wave, env: &mut Env<'_>) -> Result<Flow, Box<Trap>> {
        let (code, ip) = (env.code, wave.ip);
        let (step, registers) = (&code.steps[ip as usize], &code.registers[ip as usize]);
        let WaveCheck { number, twin, open } = &mut *self.wave;
        open.before(registers, wave, self.group.group())?;
        twin.before(registers, wave);
        let lanes = wave.exec();
        if let Some(log) = &mut env.log {
            log.begin();
        }
        let result = step(wave, env);
        let checked = if result.is_ok() { self.group.accessed(env, ip, wave.first_item) } else { Ok(()) };
        if let Err(trap) = &checked
            && trap.kind == FaultKind::UninitializedRead
        {
            return checked.map(|()| Flow::Next);
        }
        if let Some(log) = &mut env.log {
            log.play_back();
        }
        std::mem::swap(&mut env.lds, &mut self.group.twin_lds);
        let followed = twin.follow(step, registers, wave, result.as_ref().ok().copied(), env);
        std::mem::swap(&mut env.lds, &mut self.group.twin_lds);
        let finished = env.log.as_mut().map_or(Ok(()), |log| log.finish());
        if let Err(mut trap) = followed.and(finished)
            && trap.kind == FaultKind::UninitializedValue
        {
            // Whatever comes of such a value, a fault or a conflict, the value is the first thing to say.
            let names = twin.differing(registers, wave, trap.lane);
            if !names.is_empty() {
                trap.detail = format!("{} ({} is not, or was made of what is not)", trap.detail, names.join(", "));
            }
            return Err(trap);
        }
        let flow = result?;
        checked?;
        if let Some(log) = &env.log {
            open.issued(ip, lanes, wave, registers, log);
        }
        match flow {
            Flow::End => self.group.wave_ended(*number, ip),
            // Or a signal of a barrier that is waited for later.
            Flow::Barrier | Flow::Next if registers.class == Class::Barrier => {
                self.group.reach_barrier(*number, code, wave, open.open_writes())?;
                self.group.split_barrier(env.barrier.phase(), code)?;
            }
            _ => {}
        }
        Ok(flow)
    }
}
