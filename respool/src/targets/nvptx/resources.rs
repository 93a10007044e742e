//! Reads PTX back: what the kernel takes, checked against the launch descriptor.
//!
//! Registers and machine code are made by the driver, so how many there are is not known here.

use geobacter_spool::{
    descriptor::{KERNARG_ALIGN, KernelDescriptor},
    job::{HIDDEN_BLOCK, HiddenArg, KernelResources},
};

use super::{Gpu, WAVE_SIZE, large_lds};
use crate::error::Error;

/// What the kernel with this symbol takes.
pub fn read(ptx: &[u8], export: &str, descriptor: &KernelDescriptor, gpu: Gpu<'_>) -> Result<KernelResources, Error> {
    let mismatch = |reason: String| Error::Mismatch { kernel: export.to_owned(), target: gpu.name.to_owned(), reason };
    let text = std::str::from_utf8(ptx).map_err(|error| mismatch(format!("it is not text: {error}")))?;
    let found = Found::read(text, export).ok_or_else(|| mismatch(format!("it has no entry `{export}`")))?;

    let explicit = descriptor.explicit_kernarg_size();
    let hidden_offset = explicit.next_multiple_of(8);
    let hidden_args = match *found.parameters {
        [Variable { size, align }, ref hidden @ ..]
            if size == explicit
                && align == KERNARG_ALIGN
                && matches!(hidden, [] | [Variable { size: 8, align: 8 }]) =>
        {
            let argument = |_: &Variable| HiddenArg { kind: HIDDEN_BLOCK.to_owned(), offset: hidden_offset, size: 8 };
            hidden.iter().map(argument).collect::<Vec<_>>()
        }
        ref parameters => {
            return Err(mismatch(format!("its parameters are {parameters:?}, expected {explicit} bytes of arguments")));
        }
    };
    if found.workgroup != Some(descriptor.workgroup) {
        return Err(mismatch(format!("its work-group is {:?}, expected {:?}", found.workgroup, descriptor.workgroup)));
    }
    Ok(KernelResources {
        symbol: export.to_owned(),
        kernarg_size: hidden_args.last().map_or(explicit, |hidden| hidden.offset + hidden.size),
        kernarg_align: KERNARG_ALIGN,
        explicit_kernarg_size: explicit,
        hidden_args,
        lds: found.lds + found.large_lds,
        scratch: found.scratch,
        dynamic_stack: found.has_functions,
        vgprs: 0,
        agprs: 0,
        sgprs: 0,
        vgpr_spills: 0,
        sgpr_spills: 0,
        wave_size: WAVE_SIZE,
        max_workgroup: descriptor.workgroup_items(),
        occupancy: 0,
        code_size: 0,
    })
}

/// A variable's or parameter's size and alignment in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Variable {
    size: u32,
    align: u32,
}

/// What a module of one entry says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    parameters: Vec<Variable>,
    workgroup: Option<[u32; 3]>,
    /// What is declared.
    lds: u32,
    /// What a launch has to ask for.
    large_lds: u32,
    scratch: u32,
    has_functions: bool,
}

impl Found {
    /// Reads what LLVM's back end writes: one declaration a line. `None` without that entry.
    fn read(text: &str, export: &str) -> Option<Self> {
        let mut found = Self::default();
        let (mut is_there, mut in_parameters) = (false, false);
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.starts_with("//")).collect();
            let (Some(first), Some(last)) = (words.first(), words.last()) else { continue };
            if words.contains(&".entry") {
                in_parameters = last.strip_suffix('(') == Some(export) || last.strip_suffix("()") == Some(export);
                is_there |= in_parameters;
            } else if words.contains(&".func") {
                // There are none but those that call themselves: all others are inlined.
                in_parameters = false;
                found.has_functions = true;
            } else if first.starts_with(')') {
                in_parameters = false;
            } else if in_parameters && *first == ".param" {
                found.parameters.push(Variable::read(&words)?);
            } else if *first == ".reqntid" {
                let numbers = words[1..].iter().map(|word| word.trim_end_matches(',').parse().ok());
                found.workgroup = numbers.collect::<Option<Vec<u32>>>()?.try_into().ok();
            } else if words.contains(&".shared") && words.iter().any(|word| word.starts_with(".align")) {
                let name = last.split(['[', ';']).next().unwrap_or_default();
                if let Some(bytes) = name.strip_prefix(large_lds::PREFIX) {
                    found.large_lds = bytes.parse().ok()?;
                } else if *first != ".extern" {
                    let Variable { size, align } = Variable::read(&words)?;
                    found.lds = found.lds.next_multiple_of(align) + size;
                }
            } else if *first == ".local" && words.iter().any(|word| word.starts_with(".align")) {
                found.scratch += Variable::read(&words)?.size;
            }
        }
        is_there.then_some(found)
    }
}

impl Variable {
    /// Reads `.. [.align A] .TYPE NAME[COUNT];`, as words.
    fn read(words: &[&str]) -> Option<Self> {
        let is_pointer = words.contains(&".ptr");
        let element = words.iter().find_map(|word| {
            let bits: u32 = word.strip_prefix(".b").or_else(|| word.strip_prefix(".u"))?.parse().ok()?;
            Some(bits / 8)
        })?;
        let count = match words.last()?.split_once('[') {
            Some((_, count)) => count.trim_end_matches([']', ';', ',']).parse().ok()?,
            None => 1,
        };
        // A pointer's `.align` is that of what it points to.
        let align = match words.iter().position(|word| *word == ".align") {
            Some(at) if !is_pointer => words.get(at + 1)?.parse().ok()?,
            _ => element,
        };
        Some(Self { size: element * count, align })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
.version 7.0
.target sm_70
.address_size 64
	// .globl	k                       // -- Begin function k
.extern .shared .align 16 .b8 lds_dynamic[];
.global .align 8 .u64 loc[2] = {generic(c), 3};
.shared .align 4 .u32 word;
.func  (.param .b32 func_retval0) helper(
	.param .b32 helper_param_0
)
;
.visible .entry k(
	.param .align 16 .b8 k_param_0[48],
	.param .u64 .ptr .global .align 1 k_param_1
)
.reqntid 16, 16, 1
{
	.local .align 16 .b8 	__local_depot0[160];
	// demoted variable
	.shared .align 16 .b8 lds[1024];
	ld.param.b64 	%rd3, [k_param_0+16];
}
";

    #[test]
    fn what_llvm_writes_is_read() {
        let variable = |size, align| Variable { size, align };
        let found = Found::read(TEXT, "k");
        let expected = Found {
            parameters: vec![variable(48, 16), variable(8, 8)],
            workgroup: Some([16, 16, 1]),
            lds: 1040,
            large_lds: 0,
            scratch: 160,
            has_functions: true,
        };
        assert_eq!(found, Some(expected));
        assert_eq!(Found::read(TEXT, "other"), None);
        let large = TEXT.replace("lds_dynamic[]", "geobacter_large_lds_65536[]");
        assert_eq!(Found::read(&large, "k").map(|found| (found.lds, found.large_lds)), Some((1040, 65536)));
    }
}
