#![forbid(unsafe_code)]
// Two mutable views cannot be swapped: each stands for the memory that its borrow covers.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = geobacter::device("host")?;
    let mut first = device.zeroed::<f32>(64)?;
    let mut second = device.zeroed::<f32>(64)?;
    let mut part = second.slice_mut(..32)?;
    std::mem::swap(&mut *first.slice_mut(32..)?, &mut *part);
    Ok(())
}
