//! The examples as programs: what they print, what they write, and how they end.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Output},
};

/// Cargo builds examples beside the folder of this test.
fn example(name: &str) -> Command {
    let mut folder = env::current_exe().unwrap();
    folder.pop();
    folder.pop();
    Command::new(folder.join("examples").join(name))
}

fn run(name: &str, arguments: &[&str]) -> Output {
    example(name).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

#[track_caller]
fn passes_on_host(name: &str, n: &str, size: &str) {
    let output = run(name, &["--device", "host", "--n", n]);
    assert_eq!(text(&output.stdout), format!("PASS {name} device=host n={size} max_abs_err=0\n"));
    assert!(output.status.success());
}

#[test]
fn examples_pass_on_host() {
    passes_on_host("saxpy", "1", "1");
    passes_on_host("saxpy", "100003", "100003");
    passes_on_host("map", "1000", "1000");
    passes_on_host("mandelbrot", "40", "40x30");
    passes_on_host("matmul_naive", "21", "21x15x11");
    passes_on_host("matmul_tiled", "1", "1x1x1");
    passes_on_host("matmul_tiled", "37", "37x28x19");
    passes_on_host("reduce", "1", "1");
    passes_on_host("reduce", "4096", "4096");
    passes_on_host("reduce", "100003", "100003");
    passes_on_host("dot", "1", "1");
    passes_on_host("dot", "100003", "100003");
    passes_on_host("scan", "256", "256");
    passes_on_host("scan", "70001", "70001");
    passes_on_host("histogram", "1", "1");
    passes_on_host("histogram", "100003", "100003");
    passes_on_host("transpose", "1", "1x1");
    passes_on_host("transpose", "45", "45x34");
    passes_on_host("stencil2d", "1", "1x1");
    passes_on_host("stencil2d", "45", "45x34");
    passes_on_host("nbody", "1", "1");
    passes_on_host("nbody", "300", "300");
    passes_on_host("sort", "1", "1");
    passes_on_host("sort", "512", "512");
    passes_on_host("sort", "5003", "5003");
    passes_on_host("game_of_life", "1", "1x1");
    passes_on_host("game_of_life", "45", "45x34");
}

#[test]
fn all_devices_are_the_default_and_missing_ones_are_explained() {
    let output = run("saxpy", &["--n", "1000"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{err}");
    assert!(out.starts_with("PASS saxpy device=host n=1000 max_abs_err=0\n"), "{out}");
    assert!(out.lines().all(|line| line.starts_with("PASS saxpy device=")), "{out}");
    if out.lines().count() == 1 {
        assert!(err.starts_with("no "), "{err}");
    }
}

#[test]
fn an_unknown_device_is_an_error_that_names_the_known_ones() {
    let output = run("saxpy", &["--device", "gpu"]);
    assert_eq!(output.status.code(), Some(2));
    let err = text(&output.stderr);
    assert!(err.starts_with("error: there is no device `gpu`; "), "{err}");
    assert!(err.contains("`host`"), "{err}");
    assert!(output.stdout.is_empty());
}

#[test]
fn what_fails_says_why_and_ends_with_1() {
    let output = run("saxpy", &["--device", "host", "--n", "0"]);
    assert_eq!(output.status.code(), Some(1));
    let out = text(&output.stdout);
    assert!(
        out.starts_with("FAIL saxpy device=host error: kernel `saxpy` on device host: the grid [0] has no items"),
        "{out}"
    );
}

#[test]
fn flags_that_make_no_sense() {
    for arguments in [&["--n", "many"][..], &["--n", "-1"], &["--out", "file"], &["--no-such-flag"]] {
        let output = run("saxpy", arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).starts_with("error: "), "{arguments:?}");
    }
}

#[test]
fn mandelbrot_writes_an_image() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("mandelbrot.png");
    let output = run("mandelbrot", &["--device", "host", "--n", "64", "--out", file.to_str().unwrap()]);
    assert!(output.status.success());
    let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(&file).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height, info.color_type), (64, 48, png::ColorType::Rgb));
    let pixel = |x: usize, y: usize| &pixels[3 * (y * 64 + x)..][..3];
    // 0 is in the set; the corner leaves the circle after one step.
    assert_eq!((pixel(48, 24), pixel(0, 0)), (&[0, 0, 0][..], &[2, 13, 106][..]));

    let missing = folder.join("no such folder").join("image.png");
    let output = run("mandelbrot", &["--device", "host", "--n", "64", "--out", missing.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("cannot write"), "{}", text(&output.stdout));
}

#[test]
fn game_of_life_writes_an_animation() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("game_of_life.gif");
    let output = run("game_of_life", &["--device", "host", "--n", "33", "--out", file.to_str().unwrap()]);
    assert!(output.status.success());
    let mut decoder = gif::DecodeOptions::new().read_info(fs::File::open(&file).unwrap()).unwrap();
    assert_eq!((decoder.width(), decoder.height()), (33, 25));
    let mut frames = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        assert_eq!((frame.width, frame.height), (33, 25));
        frames.push(frame.buffer.to_vec());
    }
    assert_eq!(frames.len(), 25);
    assert!(frames.windows(2).all(|frames| frames[0] != frames[1]));

    // A cell with three living neighbours lives in the next generation.
    for y in 1..24 {
        for x in 1..32 {
            let neighbours = (0..9).filter(|&i| i != 4);
            let alive = neighbours.filter(|i| frames[0][(y - 1 + i / 3) * 33 + x - 1 + i % 3] == 1).count();
            if alive == 3 {
                assert_eq!(frames[1][y * 33 + x], 1, "({x}, {y})");
            }
        }
    }
}
