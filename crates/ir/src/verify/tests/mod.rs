//! Tests that reach into records: what each rule says, what must pass, and that two ways of checking agree.

mod accepts;
mod assignment;
mod messages;
mod mutation;
mod random;
