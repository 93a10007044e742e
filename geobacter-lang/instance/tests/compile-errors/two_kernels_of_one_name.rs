// error: two kernels of the table have the name `scale`
use geobacter_instance::{KernelEntry, KernelTable, instance_of};

unsafe extern "C-unwind" fn up(_kernarg: *const u8) {}
unsafe extern "C-unwind" fn down(_kernarg: *const u8) {}

static KERNELS: KernelTable<3> = KernelTable::new([
    KernelEntry { name: "scale", id: instance_of!(up), entry: up, descriptor: &() },
    KernelEntry { name: "add", id: instance_of!(main_kernel), entry: main_kernel, descriptor: &() },
    KernelEntry { name: "scale", id: instance_of!(down), entry: down, descriptor: &() },
]);

unsafe extern "C-unwind" fn main_kernel(_kernarg: *const u8) {}

fn main() {
    println!("{KERNELS:?}");
}
