//! When work ran, and the trace of it. The test starts itself again with a file for `GEOBACTER_TRACE`.

use std::{env, fs, process::Command};

mod work;
use work::slow;

#[test]
fn a_trace_can_be_read_and_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json");
    let output = Command::new(env::current_exe().unwrap())
        .args(["traced_program", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("GEOBACTER_TRACE", &path)
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && told.contains("1 passed"), "{told}");

    // Readers do without the bracket; this one does not.
    let text = fs::read_to_string(&path).unwrap();
    let whole = format!("{}]", text.trim_end().trim_end_matches(','));
    let events: Vec<serde_json::Value> = serde_json::from_str(&whole).unwrap_or_else(|error| panic!("{error}: {text}"));
    for device in geobacter::devices().present {
        let of_device = |event: &&serde_json::Value| event["args"]["name"] == device.id();
        let pid = &events.iter().find(of_device).unwrap_or_else(|| panic!("{} is named: {text}", device.id()))["pid"];
        let spans: Vec<_> = events.iter().filter(|event| event["ph"] == "X" && event["pid"] == *pid).collect();
        let named = |name: &str| spans.iter().filter(|span| span["name"] == name).count();
        // Three on a stream, and one that was waited for.
        assert_eq!((named("kernel `slow`"), named("a copy"), named("a call")), (4, 1, 1), "{text}");
        assert!(spans.iter().all(|span| span["dur"].as_f64().is_some_and(|duration| duration >= 0.0)));
    }
}

#[test]
#[ignore = "for a trace; `a_trace_can_be_read_and_has_everything` starts it"]
fn traced_program() {
    for device in geobacter::devices().present {
        let stream = device.stream().unwrap();
        let rounds = if device.id() == "host" { 200_000 } else { 500 };
        let pinned = device.host_buffer(&[1_u32; 64]).unwrap();
        let mut y = device.zeroed(64).unwrap();
        let mut events = Vec::new();
        for _ in 0..3 {
            events.push(slow::enqueue(&stream, .., rounds, &mut y).unwrap());
        }
        events.push(stream.copy(&*pinned, &mut *y).unwrap());
        events.push(stream.call(|| ()).unwrap());
        stream.wait().unwrap();
        slow::launch(&device, .., 1, &mut y).unwrap();

        let profiles: Vec<_> = events.iter().map(|event| event.profile().expect("it has ended")).collect();
        for profile in &profiles {
            assert!(profile.start <= profile.end && profile.enqueued <= profile.end, "{profile:?}");
        }
        // A stream is in order. The device's clock and the host's are read one after the other, so what different ones
        // have noted may be a little off.
        let slack = std::time::Duration::from_millis(1);
        for pair in profiles.windows(2) {
            assert!(pair[0].end <= pair[1].start + slack, "{}: {profiles:#?}", device.id());
        }
        assert!(profiles[..3].iter().all(|profile| !profile.duration().is_zero()));
        assert!(profiles[2].waited() + slack >= profiles[0].duration(), "the third stood behind the first");
    }
}
