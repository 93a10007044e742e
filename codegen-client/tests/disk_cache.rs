//! The disk cache: what was put is what comes back, or nothing does.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
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
    let key = CacheKey::of("kind", "compiler 1", &("kernel", 7));
    assert_eq!(cache.get::<Vec<u8>>(key), None);
    cache.put(key, &vec![1u8, 2, 3]);
    assert_eq!(cache.get::<Vec<u8>>(key), Some(vec![1, 2, 3]));
    for other in [
        CacheKey::of("other", "compiler 1", &("kernel", 7)),
        CacheKey::of("kind", "compiler 2", &("kernel", 7)),
        CacheKey::of("kind", "compiler 1", &("kernel", 8)),
        CacheKey::of("kindcompiler 1", "", &("kernel", 7)),
    ] {
        assert_eq!(cache.get::<Vec<u8>>(other), None);
    }
}

#[test]
fn a_damaged_entry_is_built_again() {
    let (_folder, cache) = cache();
    let key = CacheKey::of("kind", "compiler", &1);
    let answer = vec![42u8; 1000];
    let build = || DiskCache::get_or_compute(Some(&cache), key, || Ok::<_, ()>(answer.clone()));
    assert_eq!(build(), Ok(answer.clone()));
    let entry = entries(&cache).pop().expect("one entry");
    let whole = fs::read(&entry).expect("readable");
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    for damaged in [Vec::new(), whole[..10].to_vec(), whole[..500].to_vec(), flipped(0), flipped(700)] {
        fs::write(&entry, damaged).expect("writable");
        assert_eq!(cache.get::<Vec<u8>>(key), None);
        assert_eq!(build(), Ok(answer.clone()));
        assert_eq!(fs::read(&entry).expect("readable"), whole);
    }
}

#[test]
fn an_error_is_not_kept() {
    let (_folder, cache) = cache();
    let key = CacheKey::of("kind", "compiler", &1);
    assert_eq!(DiskCache::get_or_compute::<u32, _>(Some(&cache), key, || Err("no")), Err("no"));
    assert_eq!(DiskCache::get_or_compute::<u32, &str>(Some(&cache), key, || Ok(3)), Ok(3));
}

#[test]
fn an_unusable_folder_costs_the_cache_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").expect("writable");
    let cache = DiskCache::at(&file);
    let key = CacheKey::of("kind", "compiler", &1);
    assert_eq!(DiskCache::get_or_compute::<u32, ()>(Some(&cache), key, || Ok(3)), Ok(3));
    assert_eq!(cache.get::<u32>(key), None);
}

#[test]
fn many_writers_leave_whole_entries() {
    let (_folder, cache) = cache();
    let computed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for round in 0..50u32 {
                    let key = CacheKey::of("kind", "compiler", &round);
                    let answer = DiskCache::get_or_compute(Some(&cache), key, || {
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
