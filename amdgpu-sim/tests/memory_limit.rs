//! A GPU whose memory is small: what is beyond it is refused, and what is freed can be had again.

mod support;

use std::{env, ffi::c_void, process::Command, ptr::null_mut};

use amdgpu_sim::{Config, MEMORY_VARIABLE};
use hsa_rt_sys::*;
use support::{agents, api, limit_memory, pools};

const LIMIT: usize = 1 << 20;

fn allocate(pool: hsa_amd_memory_pool_t, size: usize) -> Result<*mut c_void, hsa_status_t> {
    let mut memory = null_mut();
    // SAFETY: HSA's contract.
    match unsafe { (api().hsa_amd_memory_pool_allocate)(pool, size, 0, &mut memory) } {
        HSA_STATUS_SUCCESS => Ok(memory),
        status => Err(status),
    }
}

fn free(memory: *mut c_void) {
    // SAFETY: HSA's contract.
    assert_eq!(unsafe { (api().hsa_amd_memory_pool_free)(memory) }, HSA_STATUS_SUCCESS);
}

#[test]
fn the_pools_of_a_gpu_share_what_it_has() {
    limit_memory(LIMIT as u64);
    let (first, second) = (pools(agents()[1]), pools(agents()[2]));
    for (attribute, expected) in
        [(HSA_AMD_MEMORY_POOL_INFO_SIZE, LIMIT), (HSA_AMD_MEMORY_POOL_INFO_ALLOC_MAX_SIZE, LIMIT)]
    {
        let mut size = 0_usize;
        // SAFETY: HSA's contract.
        unsafe { (api().hsa_amd_memory_pool_get_info)(first[0], attribute, (&raw mut size).cast()) };
        assert_eq!(size, expected);
    }
    assert_eq!(allocate(first[0], LIMIT + 1), Err(HSA_STATUS_ERROR_OUT_OF_RESOURCES));
    // A byte takes a page.
    let small = allocate(first[1], 1).unwrap();
    assert_eq!(allocate(first[0], LIMIT), Err(HSA_STATUS_ERROR_OUT_OF_RESOURCES));
    let reason = amdgpu_sim::last_error().unwrap();
    assert!(reason.contains("more than the 1044480 bytes that are left of 1048576"), "{reason}");
    let rest = allocate(first[0], LIMIT - 4096).unwrap();
    assert_eq!(allocate(first[1], 1), Err(HSA_STATUS_ERROR_OUT_OF_RESOURCES));
    // Neither the other GPU nor the host is concerned.
    free(allocate(second[0], LIMIT).unwrap());
    free(allocate(pools(agents()[0])[0], 4 * LIMIT).unwrap());
    free(small);
    assert_eq!(allocate(first[0], 4097), Err(HSA_STATUS_ERROR_OUT_OF_RESOURCES));
    free(allocate(first[0], 4096).unwrap());
    free(rest);
    for _ in 0..100 {
        free(allocate(first[1], LIMIT).unwrap());
    }
}

/// Not for itself: the test below runs it with an environment of its own.
#[test]
#[ignore = "run by the_environment_sets_the_memory"]
fn says_the_memory() {
    println!("memory: {:?}", "gfx942".parse::<Config>().unwrap().memory());
}

#[test]
fn the_environment_sets_the_memory() {
    for (text, expected) in [("512M", Some(512_u64 << 20)), ("much", None), ("0", None)] {
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture", "says_the_memory"])
            .env(MEMORY_VARIABLE, text)
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&output.stdout);
        assert!(output.contains(&format!("memory: {expected:?}\n")), "{text}: {output}");
    }
}
