//! What people see, for spans made by hand.

mod spans;
mod traces;
