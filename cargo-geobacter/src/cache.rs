//! `cache`: what device code is kept on disk.

use std::{
    io::{self, ErrorKind},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, anyhow};
use geobacter_codegen_client::{CACHE_VARIABLE, CacheEntry, DiskCache, LIMIT_VARIABLE};
use serde_json::json;

use crate::{
    cli::CacheCommand,
    print,
    table::{bytes, table},
};

/// Lists, empties or names the cache.
pub fn cache(command: CacheCommand) -> anyhow::Result<ExitCode> {
    let cache = DiskCache::from_environment()
        .ok_or_else(|| anyhow!("the disk cache is off: unset {CACHE_VARIABLE}, or set it to a folder"))?;
    match command {
        CacheCommand::List(output) => list(&cache, output.json),
        CacheCommand::Clear(output) => clear(&cache, output.json),
        CacheCommand::Path(output) => {
            let path = cache.folder().display();
            if output.json {
                print::json(&json!({ "path": cache.folder() }))?;
            } else {
                print::text(&format!("{path}\n"))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(cache: &DiskCache, json: bool) -> anyhow::Result<ExitCode> {
    let entries = cache.entries().with_context(|| format!("cannot read {}", cache.folder().display()))?;
    let total: u64 = entries.iter().map(|entry| entry.size).sum();
    if json {
        let of = |entry: &CacheEntry| {
            json!({
                "kind": entry.label.as_ref().map(|label| &label.kind),
                "what": entry.label.as_ref().map(|label| &label.what),
                "bytes": entry.size,
                "used": entry.used.duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs()),
                "file": entry.path,
            })
        };
        print::json(&json!({
            "path": cache.folder(),
            "bytes": total,
            "limit": (cache.limit() != 0).then_some(cache.limit()),
            "entries": entries.iter().map(of).collect::<Vec<_>>(),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let limit = match cache.limit() {
        0 => "no limit".to_owned(),
        limit => format!("limit {}", bytes(limit)),
    };
    let (folder, count) = (cache.folder().display(), entries.len());
    let mut text = format!("{folder}: {} in {count} entries, {limit} ({LIMIT_VARIABLE})\n", bytes(total));
    if !entries.is_empty() {
        let now = SystemTime::now();
        let columns = [("USED", false), ("SIZE", true), ("KIND", false), ("WHAT", false)];
        let rows = entries.iter().map(|entry| {
            let (kind, what) = match &entry.label {
                Some(label) => (label.kind.clone(), label.what.clone()),
                None => ("damaged".into(), entry.path.file_name().unwrap_or_default().to_string_lossy().into_owned()),
            };
            vec![ago(now, entry.used), bytes(entry.size), kind, what]
        });
        text.push('\n');
        text.push_str(&table(&columns, rows));
    }
    print::text(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn clear(cache: &DiskCache, json: bool) -> anyhow::Result<ExitCode> {
    let removed = cache.clear().map_err(|error| denied(cache, error))?;
    let folder = cache.folder().display();
    if json {
        print::json(&json!({ "path": cache.folder(), "entries": removed.entries, "bytes": removed.bytes }))?;
    } else if removed.entries == 0 {
        print::text(&format!("{folder}: nothing to remove\n"))?;
    } else {
        print::text(&format!("{folder}: removed {} entries, {}\n", removed.entries, bytes(removed.bytes)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn denied(cache: &DiskCache, error: io::Error) -> anyhow::Error {
    let folder = cache.folder().display();
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => anyhow!(
            "{folder} cannot be changed ({error}): clear it as the user that owns it, or set {CACHE_VARIABLE} to a folder \
             of your own"
        ),
        _ => anyhow!("cannot clear {folder}: {error}"),
    }
}

/// How long ago, in one unit.
fn ago(now: SystemTime, then: SystemTime) -> String {
    let seconds = now.duration_since(then).map_or(0, |time| time.as_secs());
    match seconds {
        0..60 => "now".into(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86400 => format!("{} h ago", seconds / 3600),
        _ => format!("{} d ago", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_read_well() {
        let now = SystemTime::now();
        for (seconds, text) in [(0, "now"), (59, "now"), (60, "1 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")] {
            assert_eq!(ago(now, now - Duration::from_secs(seconds)), text);
        }
        assert_eq!(ago(now, now + Duration::from_secs(10)), "now");
    }
}
