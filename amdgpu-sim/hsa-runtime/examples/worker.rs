//! The worker's role of `cargo-geobacter` and nothing else, for this package's tests: plain cargo builds it with them.

use std::io;

fn main() -> io::Result<()> {
    geobacter_respool::worker::run(&mut io::stdin().lock(), &mut io::stdout().lock())
}
