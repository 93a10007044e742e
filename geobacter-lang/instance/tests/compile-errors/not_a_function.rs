// error: `u32` is neither a function nor a closure
use geobacter_instance::{InstanceId, id_of};

const NUMBER: InstanceId = id_of(&1_u32);

fn main() {
    println!("{NUMBER}");
}
