//! What people see, for spans made by hand.

mod metrics;
mod spans;
mod traces;
