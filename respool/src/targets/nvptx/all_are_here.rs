//! How a group finds out on NVIDIA GPUs that an item is missing at a barrier.
//!
//! Items run on their own: one that panics gets to its end whatever the others of its wave do, and the barrier waits for all
//! items that have not ended (*CUDA C++ Programming Guide*, section "Independent Thread Scheduling"). So behind the barrier
//! whoever panicked has said so.

use crate::{
    passes::group_scope::BARRIER,
    targets::gpu::barrier_of_all::{ALL_ARE_HERE, ANY_PANICKED},
};

/// The definition of [`ALL_ARE_HERE`].
pub fn definition() -> String {
    format!(
        r#"
define i1 @{ALL_ARE_HERE}() alwaysinline convergent nounwind {{
  call void @{BARRIER}()
  %any = call i1 @{ANY_PANICKED}()
  %all = xor i1 %any, true
  ret i1 %all
}}
"#
    )
}
