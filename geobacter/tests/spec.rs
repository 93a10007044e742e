//! Specialisation constants: the same results as an ordinary value on every device, another value has other code, and on a GPU the
//! optimiser sees them.

use geobacter::{
    __private::core::{archive, code},
    DeviceKind,
    prelude::*,
    spec::{Platform, SpecValue, platform, wave_size},
};
use geobacter_spool::job::{CompileJob, Emit};

/// The sum of an item's neighbourhood.
#[kernel(workgroup = 64)]
fn smooth(item: Item<1>, radius: Spec<u32>, x: Slice<f32>, y: Out<f32>) {
    let mut sum = 0.0;
    for i in 0..*radius as usize {
        sum += x.get(item.x() + i).copied().unwrap_or(0.0);
    }
    y.set(&item, sum);
}

fn smoothed(x: &[f32], radius: usize) -> Vec<f32> {
    (0..x.len()).map(|at| x[at..].iter().take(radius).sum()).collect()
}

#[test]
fn another_value_gives_other_results_and_the_first_comes_back() {
    let x: Vec<f32> = (0..100u8).map(f32::from).collect();
    for device in geobacter::devices().present {
        let input = device.upload(&x).unwrap();
        let mut y = device.zeroed(x.len()).unwrap();
        for radius in [1, 3, 0, 7, 3, 1] {
            smooth::launch(&device, x.len(), radius, &input, &mut y).unwrap();
            assert_eq!(y.download().unwrap(), smoothed(&x, radius as usize), "{radius} on {}", device.id());
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, KernelArg)]
struct Pair {
    low: u32,
    high: u32,
}

/// Constants of every size between other arguments, and a table that is no constant.
#[allow(clippy::too_many_arguments, reason = "it is about arguments")]
#[kernel(workgroup = 32)]
fn mixed<T: SpecValue + Into<u64>>(
    item: Item<1>,
    a: u8,
    narrow: Spec<u8>,
    table: [u32; 16],
    wide: Spec<u128>,
    yes: Spec<bool>,
    pair: Pair,
    letter: Spec<char>,
    real: Spec<f64>,
    any: Spec<T>,
    y: Out<[u64; 10]>,
) {
    let values = [
        u64::from(a),
        u64::from(*narrow),
        u64::from(table[item.x() % 16]),
        *wide as u64,
        (*wide >> 64) as u64,
        u64::from(yes.get()),
        u64::from(pair.low) << 32 | u64::from(pair.high),
        u64::from(u32::from(*letter)),
        real.to_bits(),
        (*any).into(),
    ];
    y.set(&item, values);
}

#[test]
fn constants_of_every_size_stand_between_other_arguments() {
    let table: [u32; 16] = std::array::from_fn(|i| 1000 + i as u32);
    let wide = u128::MAX / 3;
    let pair = Pair { low: 1, high: 2 };
    for device in geobacter::devices().present {
        let mut y = device.zeroed::<[u64; 10]>(40).unwrap();
        for (narrow, yes, letter, real) in [(7u8, true, 'a', -1.5), (255, false, 'ß', f64::MIN_POSITIVE)] {
            mixed::launch(&device, 40, 9, narrow, table, wide, yes, pair, letter, real, 5u16, &mut y).unwrap();
            for (i, values) in y.download().unwrap().into_iter().enumerate() {
                let expected = [
                    9,
                    u64::from(narrow),
                    u64::from(table[i % 16]),
                    wide as u64,
                    (wide >> 64) as u64,
                    u64::from(yes),
                    1 << 32 | 2,
                    u64::from(u32::from(letter)),
                    real.to_bits(),
                    5,
                ];
                assert_eq!(values, expected, "item {i} on {}", device.id());
            }
        }
    }
}

/// LDS and barriers, as often as a constant says.
#[kernel(workgroup = 256)]
fn rotate(wg: Workgroup<1>, times: Spec<u8>, x: Slice<u32>, #[workgroup_shared] tile: Lds<[u32; 256]>, y: Out<u32>) {
    let value = wg.private(0);
    wg.each(|item| value.set(&item, x.get(item.x()).copied().unwrap_or(0)));
    for _ in 0..*times {
        let tile = tile.fill(&wg, |item| value.get(&item));
        wg.each_local(|item| value.set(&item, tile[(item.local_x() + 1) % 256]));
    }
    wg.each(|item| y.set(&item, value.get(&item)));
}

#[test]
fn group_scope_takes_them_too() {
    let start: Vec<u32> = (0..256).collect();
    for device in geobacter::devices().present {
        let input = device.upload(&start).unwrap();
        for times in [0u8, 1, 5] {
            let mut y = device.zeroed(256).unwrap();
            rotate::launch(&device, 256, times, &input, &mut y).unwrap();
            let expected: Vec<u32> = start.iter().map(|i| (i + u32::from(times)) % 256).collect();
            assert_eq!(y.download().unwrap(), expected, "{times} on {}", device.id());
        }
    }
}

#[kernel(workgroup = 64)]
fn scale(item: Item<1>, factor: Spec<i32>, y: InOut<i32>) {
    y.set(&item, y.get(&item).wrapping_mul(*factor));
}

#[test]
fn with_very_many_values_the_results_stay_right() {
    for device in geobacter::devices().present {
        for factor in 0..code::MAX_VARIANTS as i32 + 3 {
            let mut y = device.upload(&[1, -2, 3]).unwrap();
            scale::launch(&device, 3, factor, &mut y).unwrap();
            assert_eq!(y.download().unwrap(), [factor, -2 * factor, 3 * factor], "on {}", device.id());
        }
    }
}

#[kernel(workgroup = 64)]
fn where_am_i(item: Item<1>, y: Out<[u32; 2]>) {
    let number = match platform() {
        Platform::Host => 1,
        Platform::AmdGpu => 2,
        Platform::NvidiaGpu => 3,
        _ => 4,
    };
    y.set(&item, [number, wave_size()]);
}

#[test]
fn the_device_says_what_it_is() {
    for device in geobacter::devices().present {
        let mut y = device.zeroed(1).unwrap();
        where_am_i::launch(&device, 1, &mut y).unwrap();
        let platform = match device.info() {
            info if info.kind == DeviceKind::Host => 1,
            info if info.isa.starts_with("gfx") => 2,
            _ => 3,
        };
        assert_eq!(y.download().unwrap(), [[platform, device.info().wave_size]], "{}", device.id());
    }
}

#[test]
fn a_kernel_is_prepared_for_values() {
    for device in geobacter::devices().present {
        smooth::prepare(&device, 11).unwrap();
        smooth::prepare_async(&device, 12).wait().unwrap();
        let x = device.upload(&[1.0; 20]).unwrap();
        let mut y = device.zeroed(20).unwrap();
        smooth::launch(&device, 20, 11, &x, &mut y).unwrap();
        assert_eq!(y.download().unwrap()[..10], [11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0, 11.0]);
    }
}

/// The assembly of a kernel of this program, for these constants. `None` under plain cargo.
fn assembly(name: &str, gpu: &str, constants: &[u8]) -> Option<String> {
    let mut kernels = archive::archives().unwrap().iter().flat_map(|archive| archive.kernels()).map(Result::unwrap);
    let Some(kernel) = kernels.find(|kernel| kernel.descriptor.name == name) else {
        assert!(archive::is_empty());
        eprintln!("skipped: plain cargo built this test, so there is no device code: type `cargo geobacter test`");
        return None;
    };
    let job = CompileJob {
        bitcode: kernel.bitcode,
        entry: kernel.symbol,
        export: name.into(),
        target: gpu.into(),
        emit: Emit::Assembly,
        checked: false,
        constants: constants.to_vec(),
    };
    Some(String::from_utf8(code::worker(gpu).unwrap().compile(job).unwrap().bytes).unwrap())
}

fn count(assembly: &str, instruction: &str) -> usize {
    assembly.lines().filter(|line| line.trim_start().starts_with(instruction)).count()
}

#[test]
fn a_loop_over_a_constant_is_unrolled_and_a_branch_on_what_the_device_is_is_gone() {
    for gpu in ["gfx942", "gfx1100", "gfx90a"] {
        let Some(general) = assembly("rotate", gpu, &[]) else { return };
        // One before each fill and one behind it.
        let barriers = |times: u8| count(&assembly("rotate", gpu, &[times]).unwrap(), "s_barrier");
        assert_eq!([barriers(0), barriers(1), barriers(3)], [0, 2, 6], "{gpu}");
        assert!(count(&general, "s_cbranch") > 0, "{gpu}: it loops");
        assert_eq!(count(&assembly("rotate", gpu, &[3]).unwrap(), "s_cbranch_scc"), 0, "{gpu}: no loop is left");

        // Another constant, and nothing else, is in the code: no argument is loaded for it.
        let scaled = assembly("scale", gpu, &12345i32.to_le_bytes()).unwrap();
        assert!(scaled.contains("0x3039"), "{gpu}: {scaled}");
        assert!(!assembly("scale", gpu, &[]).unwrap().contains("0x3039"));

        // The other arguments are what they were: loaded by the wave, buffers known to be global memory, tables not built up.
        let smoothed = assembly("smooth", gpu, &3u32.to_le_bytes()).unwrap();
        let mut constants = vec![1; 1 + 16 + 1 + 4 + 8];
        constants[18..22].copy_from_slice(&u32::from('x').to_le_bytes());
        constants.extend(5u16.to_le_bytes());
        let (mixed, general) = (assembly("mixed", gpu, &constants).unwrap(), assembly("mixed", gpu, &[]).unwrap());
        for (name, code) in [("smooth", &smoothed), ("mixed", &mixed)] {
            assert_eq!(count(code, "flat_"), 0, "{name} for {gpu}: {code}");
        }
        for kind in ["scratch_", "buffer_", "global_load", "s_load"] {
            assert!(count(&mixed, kind) <= count(&general, kind), "{kind} for {gpu}: {mixed}");
        }

        let platform = assembly("where_am_i", gpu, &[]).unwrap();
        let wave = if gpu.starts_with("gfx9") { "64" } else { "32" };
        assert!(platform.contains(&format!(", {wave}")), "{platform}");
        assert_eq!(count(&platform, "s_cmp_eq"), 0, "{platform}");
    }
}

#[test]
fn constants_that_are_not_the_kernels_are_an_error() {
    let Some(_) = assembly("scale", "gfx942", &[]) else { return };
    let archive = &archive::archives().unwrap()[0];
    let kernel = archive.kernels().map(Result::unwrap).find(|kernel| kernel.descriptor.name == "scale").unwrap();
    for constants in [vec![1], vec![0; 5]] {
        let job = CompileJob {
            bitcode: kernel.bitcode.clone(),
            entry: kernel.symbol.clone(),
            export: "scale".into(),
            target: "gfx942".into(),
            emit: Emit::CodeObject,
            checked: false,
            constants,
        };
        let error = code::worker("gfx942").unwrap().compile(job).unwrap_err().to_string();
        assert!(error.contains("scale") && error.contains("constant"), "{error}");
    }
}
