//! LDS: globals in its address space.

use llvm_sys::LLVMLinkage;

use super::{GENERIC, Gpu, KernelLowering};
use crate::{
    error::Error,
    ir::Value,
    passes::group_scope::{LDS, LDS_DYNAMIC, LDS_TEMPORARY},
};

/// Alignment of the LDS that is sized at launch, in bytes, as the device language promises it.
const DYNAMIC_ALIGN: u32 = 16;

/// What one access can move at most, in bytes. LDS is aligned to that: neighbours can then be read and written together, which the
/// type's own alignment would forbid.
const WIDEST_ACCESS: u64 = 16;

/// Replaces every call that asks for LDS by the address of a global.
pub fn lower(lowering: &KernelLowering<'_, '_>, gpu: Gpu<'_>) -> Result<(), Error> {
    let module = lowering.module;
    let generic = module.context().pointer(GENERIC);
    let allocate = |name: &str, size: u64, align: u32| {
        let ty = module.context().bytes(size);
        let global = module.add_global(name, ty, gpu.dialect.spaces.lds);
        let for_access = WIDEST_ACCESS.min(size.next_power_of_two());
        global.set_alignment(align.max(for_access as u32));
        global
    };
    let own = |global: Value| {
        global.set_linkage(LLVMLinkage::LLVMInternalLinkage);
        global.set_initializer(global.value_type().poison());
        global.const_address_space_cast(generic)
    };
    let not_constant = || Error::Unsupported {
        kernel: lowering.descriptor.name.clone(),
        target: gpu.name.to_owned(),
        reason: "the size of its LDS is not a constant; this is a gap in Geobacter, please report it".to_owned(),
    };
    let constants = |call: Value| {
        let arguments = call.arguments();
        Some((arguments.first()?.const_u64()?, u32::try_from(arguments.get(1)?.const_u64()?).ok()?))
    };

    if let Some(function) = module.function(LDS) {
        for call in function.users() {
            let (size, align) = constants(call).ok_or_else(not_constant)?;
            call.replace_all_uses_with(own(allocate("lds", size, align)));
            call.erase();
        }
        function.delete_function();
    }
    if let Some(function) = module.function(LDS_TEMPORARY) {
        let calls = function.users();
        let (mut largest, mut strictest) = (0, 1);
        for &call in &calls {
            let (size, align) = constants(call).ok_or_else(not_constant)?;
            let each = call.arguments().get(2).and_then(|each| each.const_u64()).ok_or_else(not_constant)?;
            let items = u64::from(lowering.descriptor.workgroup_items());
            (largest, strictest) = (largest.max(size * items.div_ceil(each.max(1))), strictest.max(align));
        }
        let address = own(allocate("lds_temporary", largest, strictest));
        for call in calls {
            call.replace_all_uses_with(address);
            call.erase();
        }
        function.delete_function();
    }
    if let Some(function) = module.function(LDS_DYNAMIC) {
        // External and of no size: it is placed behind all other LDS, where the size that the launch asks for adds to it.
        let address = allocate("lds_dynamic", 0, DYNAMIC_ALIGN).const_address_space_cast(generic);
        for call in function.users() {
            call.replace_all_uses_with(address);
            call.erase();
        }
        function.delete_function();
    }
    Ok(())
}
