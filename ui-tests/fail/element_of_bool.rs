#![forbid(unsafe_code)]
use geobacter::prelude::*;

fn main() -> Result<(), geobacter::Error> {
    let device = geobacter::device("host").unwrap();
    device.upload(&[true, false])?;
    Ok(())
}
