// error: one kernel stands in the table twice
use geobacter_instance::{KernelEntry, KernelTable, instance_of};

unsafe extern "C-unwind" fn scale<T>(_kernarg: *const u8) {}

static KERNELS: KernelTable<2> = KernelTable::new([
    KernelEntry { name: "scale", id: instance_of!(scale::<f32>), entry: scale::<f32>, descriptor: &() },
    KernelEntry { name: "scale_f32", id: instance_of!(scale::<f32>), entry: scale::<f32>, descriptor: &() },
]);

fn main() {
    println!("{KERNELS:?}");
}
