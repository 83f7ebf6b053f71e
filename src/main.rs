//! The `dlt` command. Everything it does is in the library; this is the door.

fn main() {}
