//! The disk cache: what was put is what comes back, or nothing does.

use std::{
    env,
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, SystemTime},
};

use geobacter_codegen_client::{CacheKey, DiskCache};

fn cache() -> (tempfile::TempDir, DiskCache) {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = DiskCache::at(folder.path().join("not/there/yet"));
    (folder, cache)
}

fn entries(cache: &DiskCache) -> Vec<PathBuf> {
    let versions = fs::read_dir(cache.folder()).expect("a folder").filter_map(Result::ok);
    versions.flat_map(|version| fs::read_dir(version.path()).expect("a folder")).map(|e| e.expect("e").path()).collect()
}

#[test]
fn an_answer_is_kept_and_found_by_everything_that_it_depends_on() {
    let (_folder, cache) = cache();
    let key = CacheKey::of("kind", "compiler 1", &("kernel", 7), "");
    assert_eq!(cache.get::<Vec<u8>>(&key), None);
    cache.put(&key, &vec![1u8, 2, 3]);
    assert_eq!(cache.get::<Vec<u8>>(&key), Some(vec![1, 2, 3]));
    for other in [
        CacheKey::of("other", "compiler 1", &("kernel", 7), ""),
        CacheKey::of("kind", "compiler 2", &("kernel", 7), ""),
        CacheKey::of("kind", "compiler 1", &("kernel", 8), ""),
        CacheKey::of("kindcompiler 1", "", &("kernel", 7), ""),
    ] {
        assert_eq!(cache.get::<Vec<u8>>(&other), None);
    }
}

#[test]
fn a_damaged_entry_is_built_again() {
    let (_folder, cache) = cache();
    let key = CacheKey::of("kind", "compiler", &1, "");
    let answer = vec![42u8; 1000];
    let build = || DiskCache::get_or_compute(Some(&cache), &key, || Ok::<_, ()>(answer.clone()));
    assert_eq!(build(), Ok(answer.clone()));
    let entry = entries(&cache).pop().expect("one entry");
    let whole = fs::read(&entry).expect("readable");
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for damaged in
        [Vec::new(), whole[..10].to_vec(), whole[..500].to_vec(), flipped(0), flipped(33), flipped(40), flipped(700)]
    {
        fs::write(&entry, damaged).expect("writable");
        assert_eq!(cache.get::<Vec<u8>>(&key), None);
        assert_eq!(build(), Ok(answer.clone()));
        assert_eq!(fs::read(&entry).expect("readable"), whole);
    }
}

#[test]
fn an_error_is_not_kept() {
    let (_folder, cache) = cache();
    let key = CacheKey::of("kind", "compiler", &1, "");
    assert_eq!(DiskCache::get_or_compute::<u32, _>(Some(&cache), &key, || Err("no")), Err("no"));
    assert_eq!(DiskCache::get_or_compute::<u32, &str>(Some(&cache), &key, || Ok(3)), Ok(3));
}

#[test]
fn an_unusable_folder_costs_the_cache_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").expect("writable");
    let cache = DiskCache::at(&file);
    let key = CacheKey::of("kind", "compiler", &1, "");
    assert_eq!(DiskCache::get_or_compute::<u32, ()>(Some(&cache), &key, || Ok(3)), Ok(3));
    assert_eq!(cache.get::<u32>(&key), None);
}

#[test]
fn many_writers_leave_whole_entries() {
    let (_folder, cache) = cache();
    let computed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for round in 0..50u32 {
                    let key = CacheKey::of("kind", "compiler", &round, "");
                    let answer = DiskCache::get_or_compute(Some(&cache), &key, || {
                        computed.fetch_add(1, Ordering::Relaxed);
                        Ok::<_, ()>(vec![round; 5000])
                    });
                    assert_eq!(answer, Ok(vec![round; 5000]));
                }
            });
        }
    });
    assert!(computed.into_inner() >= 50);
    // Every entry is whole, and no draft is left behind.
    assert_eq!(entries(&cache).len(), 50);
}

/// Makes an entry look as if it was used so many hours ago.
fn used(entry: &Path, hours: u64) {
    let then = SystemTime::now() - Duration::from_secs(hours * 3600);
    File::options().write(true).open(entry).unwrap().set_modified(then).unwrap();
}

fn key(number: u32) -> CacheKey {
    CacheKey::of("kind", "compiler", &number, format!("answer {number:02}"))
}

#[test]
fn what_was_not_used_for_the_longest_time_makes_room() {
    let (_folder, cache) = cache();
    let answer = |number: u32| vec![number as u8; 1000];
    let unlimited = cache.clone().with_limit(0);
    for number in 0..20 {
        unlimited.put(&key(number), &answer(number));
        let entry = &unlimited.entries().unwrap()[0];
        assert_eq!(entry.label.as_ref().unwrap().what, format!("answer {number:02}"));
        used(&entry.path, 100 - u64::from(number));
    }
    // Two of the oldest are used again.
    for number in [0, 3] {
        assert_eq!(unlimited.get(&key(number)), Some(answer(number)));
    }
    // A process that knows nothing of them writes one more.
    let size = unlimited.entries().unwrap()[0].size;
    let limited = DiskCache::at(cache.folder()).with_limit(12 * size);
    limited.put(&key(20), &answer(20));
    let left: Vec<u32> = (0..21).filter(|&number| unlimited.get::<Vec<u8>>(&key(number)).is_some()).collect();
    assert_eq!(left, [0, 3, 14, 15, 16, 17, 18, 19, 20]);
    let bytes = |cache: &DiskCache| cache.entries().unwrap().iter().map(|entry| entry.size).sum::<u64>();
    assert_eq!(bytes(&limited), 9 * size);
    // What one process writes never exceeds the limit.
    for number in 21..60 {
        limited.put(&key(number), &answer(number));
        assert!(bytes(&limited) <= 12 * size);
        assert_eq!(limited.get(&key(number)), Some(answer(number)));
    }
}

#[test]
fn an_answer_beyond_the_limit_is_not_kept_and_costs_no_other() {
    let (_folder, cache) = cache();
    let cache = cache.with_limit(2000);
    cache.put(&key(1), &vec![1u8; 1000]);
    cache.put(&key(2), &vec![2u8; 5000]);
    assert_eq!(cache.get::<Vec<u8>>(&key(2)), None);
    assert_eq!(cache.get(&key(1)), Some(vec![1u8; 1000]));
}

#[test]
fn clearing_removes_what_is_the_caches_and_nothing_else() {
    let (_folder, cache) = cache();
    assert_eq!(cache.clear().unwrap().entries, 0);
    for number in 0..5 {
        cache.put(&key(number), &number);
    }
    let entry = cache.entries().unwrap().pop().unwrap();
    let folder = entry.path.parent().unwrap();
    // Another version's entry, a draft that a dead process left, and what is not the cache's.
    let old = cache.folder().join("v1");
    fs::create_dir(&old).unwrap();
    fs::copy(&entry.path, old.join(entry.path.file_name().unwrap())).unwrap();
    fs::write(folder.join(".draft-x7Yz"), "half").unwrap();
    let others = [cache.folder().join("notes.txt"), cache.folder().join("vacation"), folder.join("README")];
    others.iter().for_each(|path| fs::write(path, "mine").unwrap());

    let removed = cache.clear().unwrap();
    assert_eq!(removed.entries, 6);
    assert_eq!(removed.bytes, 6 * entry.size);
    assert!(cache.entries().unwrap().is_empty() && !old.exists() && !folder.join(".draft-x7Yz").exists());
    others.iter().for_each(|path| assert_eq!(fs::read_to_string(path).unwrap(), "mine"));
    // And it goes on.
    assert_eq!(DiskCache::get_or_compute(Some(&cache), &key(1), || Ok::<_, ()>(1)), Ok(1));
    assert_eq!(cache.get(&key(1)), Some(1));
}

#[test]
fn drafts_of_dead_processes_go_and_those_of_living_ones_stay() {
    let (_folder, cache) = cache();
    cache.put(&key(1), &1);
    let folder = cache.entries().unwrap()[0].path.parent().unwrap().to_owned();
    let [dead, alive] = [".draft-dead", ".draft-alive"].map(|name| folder.join(name));
    [&dead, &alive].iter().for_each(|path| fs::write(path, "half").unwrap());
    used(&dead, 2);
    // A process looks into the folder when it writes for the first time.
    DiskCache::at(cache.folder()).put(&key(2), &2);
    assert!(!dead.exists() && alive.exists());
}

#[test]
fn entries_that_go_while_they_are_used_are_built_again() {
    let (_folder, cache) = cache();
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for round in 0..200u32 {
                    let key = key(round % 7);
                    let answer = DiskCache::get_or_compute(Some(&cache), &key, || Ok::<_, ()>(vec![round % 7; 300]));
                    assert_eq!(answer, Ok(vec![round % 7; 300]));
                }
            });
        }
        scope.spawn(|| {
            for round in 0..80 {
                match round % 4 {
                    0 => drop(cache.clear().unwrap()),
                    3 => cache.entries().unwrap().iter().for_each(|entry| flip(&entry.path, round)),
                    1 => cache.entries().unwrap().iter().for_each(|entry| drop(fs::write(&entry.path, "short"))),
                    _ => cache.entries().unwrap().iter().for_each(|entry| drop(fs::remove_file(&entry.path))),
                }
            }
        });
    });
}

/// Flips one bit of a file where it stands, if it is still there.
fn flip(path: &Path, number: usize) {
    let Ok(mut file) = File::options().read(true).write(true).open(path) else { return };
    let mut bytes = Vec::new();
    let _ = file.read_to_end(&mut bytes);
    if !bytes.is_empty() {
        let at = number * 37 % bytes.len();
        let _ = file.seek(SeekFrom::Start(at as u64));
        let _ = file.write_all(&[bytes[at] ^ (1 << (number % 8))]);
    }
}

#[test]
fn a_folder_that_nobody_can_write_to_costs_the_cache_and_nothing_else() {
    // Where not even root may make a folder.
    let cache = DiskCache::at("/proc/geobacter-cache");
    for round in 0..3_u32 {
        assert_eq!(DiskCache::get_or_compute::<u32, ()>(Some(&cache), &key(round), || Ok(round)), Ok(round));
    }
}

#[test]
fn a_full_disk_costs_the_cache_and_nothing_else() {
    // What a full disk does to writes, a limit on the size of files does, too: they fail in the middle of the file. The signal that comes
    // with it is ignored, as there is none on a full disk.
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" on_a_full_disk --exact --ignored --nocapture"])
        .arg(env::current_exe().unwrap())
        .env("TEST_FOLDER", folder.path())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "for a limit on the size of files; `a_full_disk_costs_the_cache_and_nothing_else` starts it"]
fn on_a_full_disk() {
    let folder = PathBuf::from(env::var_os("TEST_FOLDER").unwrap());
    assert!(fs::write(folder.join("probe"), vec![0; 5000]).is_err(), "the limit holds");
    let cache = DiskCache::at(folder.join("cache"));
    for round in 0..3_u32 {
        let answer = DiskCache::get_or_compute::<_, ()>(Some(&cache), &key(round), || Ok(vec![round; 5000]));
        assert_eq!(answer, Ok(vec![round; 5000]));
        // Nothing that was cut short is taken for an entry, and no draft stays.
        assert_eq!(cache.get::<Vec<u32>>(&key(round)), None);
    }
    let left: u64 = cache.entries().unwrap().iter().map(|entry| fs::metadata(&entry.path).unwrap().len()).sum();
    assert_eq!(left, 0);
}
