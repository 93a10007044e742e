//! Program control: branches, calls, barriers, the end (*CDNA 3 ISA*, chapter 4 "Program flow control", and SOPP).

use super::{
    decode::{Context, nothing},
    step::{DecodeError, Flow, Step, step},
    text::{EXEC, M0, Operand, Parsed},
};
use crate::machine::{
    fault::{FaultKind, Trap},
    wave::Wave,
};

/// Refuses another barrier than the work-group's, which has the number -1.
fn group_barrier(parsed: &Parsed) -> Result<(), DecodeError> {
    match immediate(parsed, 0) {
        Ok(number) if number as i16 == -1 => Ok(()),
        _ => Err(DecodeError::new(parsed, "no semantics for another barrier than the work-group's")),
    }
}

/// The step of a program control instruction; `None` if it is none.
pub fn lookup(parsed: &Parsed, context: &Context<'_>) -> Option<Result<Step, DecodeError>> {
    let conditional = |condition: fn(&Wave) -> bool| {
        let target = context.branch(parsed, immediate(parsed, 0)?)?;
        Ok(step(move |wave, _| Ok(if condition(wave) { Flow::Jump(target) } else { Flow::Next })))
    };
    let next = u64::from(context.next);
    Some(match parsed.mnemonic.as_str() {
        // Nothing waits here, no instruction is reordered, and no cache has another value than memory.
        "s_nop"
        | "s_waitcnt"
        | "s_waitcnt_vscnt"
        | "s_waitcnt_vmcnt"
        | "s_waitcnt_expcnt"
        | "s_waitcnt_lgkmcnt"
        | "s_waitcnt_depctr"
        | "s_setprio"
        | "s_icache_inv"
        | "s_dcache_inv"
        | "s_dcache_wb"
        | "s_dcache_inv_vol"
        | "s_dcache_wb_vol"
        | "s_dcache_discard"
        | "s_dcache_discard_x2"
        | "s_gl1_inv"
        | "s_ttracedata"
        | "s_ttracedata_imm"
        | "s_incperflevel"
        | "s_decperflevel"
        | "s_wakeup"
        | "s_set_gpr_idx_off"
        | "s_inst_prefetch"
        | "s_set_inst_prefetch_distance"
        | "s_code_end"
        | "s_clause"
        | "s_delay_alu"
        | "s_prefetch_inst"
        | "s_prefetch_inst_pc_rel"
        | "s_prefetch_data"
        | "s_prefetch_data_pc_rel"
        | "s_buffer_prefetch_data" => Ok(nothing()),
        m if m.starts_with("s_wait_") => Ok(nothing()),
        "s_sleep" | "s_sleep_var" => Ok(Box::new(|_, _| Ok(Flow::Yield))),
        "s_endpgm" | "s_endpgm_saved" => Ok(Box::new(|_, _| Ok(Flow::End))),
        "s_barrier" => Ok(Box::new(|_, _| Ok(Flow::Barrier))),
        "s_barrier_signal" => group_barrier(parsed).map(|()| {
            step(|wave, env| {
                env.signal_barrier(wave);
                Ok(Flow::Next)
            })
        }),
        "s_barrier_signal_isfirst" => group_barrier(parsed).map(|()| {
            step(|wave, env| {
                wave.scc = env.signal_barrier(wave);
                Ok(Flow::Next)
            })
        }),
        "s_barrier_wait" => group_barrier(parsed).map(|()| step(|_, _| Ok(Flow::BarrierWait))),
        "s_branch" => conditional(|_| true),
        "s_cbranch_scc0" => conditional(|wave| !wave.scc),
        "s_cbranch_scc1" => conditional(|wave| wave.scc),
        "s_cbranch_vccz" => conditional(|wave| wave.vcc() == 0),
        "s_cbranch_vccnz" => conditional(|wave| wave.vcc() != 0),
        "s_cbranch_execz" => conditional(|wave| wave.exec() == 0),
        "s_cbranch_execnz" => conditional(|wave| wave.exec() != 0),
        "s_trap" => immediate(parsed, 0)
            .map(|number| step(move |_, _| Err(Trap::new(FaultKind::Trap, format!("the kernel ran trap {number}"))))),
        "s_sethalt" => Ok(Box::new(|_, _| Err(Trap::new(FaultKind::Trap, "the kernel halted its wave")))),
        "s_sendmsg" | "s_sendmsghalt" => match parsed.args.first().map(|arg| &arg.operand) {
            // Giving up vector registers early has no effect here.
            Some(Operand::Other(message)) if message.contains("MSG_DEALLOC_VGPRS") => Ok(nothing()),
            // M0 holds the number.
            Some(Operand::Other(message)) if message.contains("MSG_INTERRUPT") => Ok(step(|wave, env| {
                env.interrupt_host(wave.scalar[usize::from(M0)]);
                Ok(Flow::Next)
            })),
            _ => Err(DecodeError::new(parsed, "no semantics for this message")),
        },
        "s_getpc_b64" => scalar(parsed, 0).map(|to| {
            step(move |wave, env| {
                wave.set_scalar_u64(to, env.code.base + next);
                Ok(Flow::Next)
            })
        }),
        "s_setpc_b64" => {
            scalar(parsed, 0).map(|from| step(move |wave, _| Ok(Flow::JumpAddress(wave.scalar_u64(from)))))
        }
        "s_swappc_b64" => scalar(parsed, 0).and_then(|to| {
            let from = scalar(parsed, 1)?;
            Ok(step(move |wave, env| {
                let target = wave.scalar_u64(from);
                wave.set_scalar_u64(to, env.code.base + next);
                Ok(Flow::JumpAddress(target))
            }))
        }),
        "s_call_b64" => scalar(parsed, 0).and_then(|to| {
            let target = context.branch(parsed, immediate(parsed, 1)?)?;
            Ok(step(move |wave, env| {
                wave.set_scalar_u64(to, env.code.base + next);
                Ok(Flow::Jump(target))
            }))
        }),
        "s_cbranch_g_fork" | "s_cbranch_join" | "s_rfe_b64" | "s_cbranch_i_fork" => {
            Err(DecodeError::new(parsed, "no semantics for this instruction"))
        }
        _ => return None,
    })
}

fn immediate(parsed: &Parsed, index: usize) -> Result<i64, DecodeError> {
    match parsed.args.get(index).map(|arg| &arg.operand) {
        Some(Operand::Int(value)) => Ok(*value),
        Some(Operand::Bits(value)) => Ok(i64::from(*value)),
        _ => Err(DecodeError::new(parsed, "a number is expected")),
    }
}

fn scalar(parsed: &Parsed, index: usize) -> Result<u8, DecodeError> {
    match parsed.args.get(index).map(|arg| &arg.operand) {
        Some(Operand::Scalar(first, 2)) if *first < EXEC => Ok(*first),
        _ => Err(DecodeError::new(parsed, "a pair of scalar registers is expected")),
    }
}
