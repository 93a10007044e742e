// error: `String` is neither a function nor a closure
use geobacter_instance::{InstanceId, id_of};

fn generic<F>(function: &F) -> InstanceId {
    id_of(function)
}

fn main() {
    println!("{}", generic(&String::new()));
}
