#![forbid(unsafe_code)]
use geobacter::prelude::*;

mod inner {
    use geobacter::prelude::*;

    /// Public, with a where clause and names that the macro's own code also uses.
    #[kernel(workgroup = [4, 4, 4,])]
    pub fn device<T, const N: usize>(item: Item<3>, device: T, grid: [T; N], arguments: bool, kernarg: Slice<T>, y: Out<T>)
    where
        T: Element + std::ops::Add<Output = T>,
    {
        if arguments {
            y.set(&item, device + grid[0] + kernarg[0]);
        }
    }
}

#[kernel(workgroup = 64,)]
fn r#match(mut item: geobacter::Item<1>, mut scale: f32, f: impl Fn(f32) -> f32, y: geobacter::InOut<f32>) -> () {
    scale += 1.0;
    *y.at(&mut item) *= f(scale);
}

/// A parameter's type with the name of something that the macro writes.
#[derive(Clone, Copy, KernelArg)]
struct Args {
    scale: f32,
}

#[kernel(workgroup = 8)]
fn named(item: Item<1>, kernarg: Args, y: Out<f32>) {
    y.set(&item, kernarg.scale);
}

/// LDS in every form, without a `mut` and without a warning where it is moved before it is filled.
#[kernel(workgroup = 8)]
fn group(
    wg: Workgroup<1>,
    #[workgroup_shared] tile: Lds<[u8; 8]>,
    #[workgroup_shared] moved: geobacter::Lds<[[u8; 2]; 4]>,
    #[workgroup_shared] sized: Lds<[u8]>,
    y: Out<u8>,
) {
    #![deny(unused_mut)]
    #[workgroup_shared]
    let local: Lds<[u8; 8]>;
    let mut moved = moved;
    let (tile, moved) = (tile.fill(&wg, |item| item.x() as u8), moved.fill_with(&wg, |[y, x]| (y * x) as u8));
    let (sized, local) = (&mut sized, &mut local).fill(&wg, |_| (1, 1));
    wg.each(|item| y.set(&item, tile[item.local_x()] + moved[0][0] + sized[0] - local[0]));
}

fn main() -> Result<(), geobacter::Error> {
    // Inside of a function, too.
    #[kernel(workgroup = 8)]
    fn local(item: Item<1>, y: Out<u8>) {
        y.set(&item, item.x() as u8);
    }
    let device = geobacter::device("host").unwrap();
    let mut y = device.zeroed(8)?;
    local::launch(&device, 8, &mut y)?;
    assert_eq!(y.download()?, [0, 1, 2, 3, 4, 5, 6, 7]);

    group::launch(&device, 8, 8, &mut y)?;
    assert_eq!(y.download()?, [0, 1, 2, 3, 4, 5, 6, 7]);

    let table = device.upload(&[1.0])?;
    let mut y = device.zeroed(8)?;
    inner::device::launch(&device, [2, 2, 2], 2.0, [4.0; 3], true, &table, &mut y)?;
    r#match::launch(&device, 8, 1.0, |x| x * x, &mut y)?;
    assert_eq!(y.download()?, [28.0; 8]);
    named::launch(&device, 8, Args { scale: 2.0 }, &mut y)?;
    assert_eq!(y.download()?, [2.0; 8]);
    Ok(())
}
