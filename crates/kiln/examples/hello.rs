//! A program from text that calls the C library: `cargo run -p kiln --example hello`.

use kiln::{Config, Engine};
use std::error::Error;
use std::ffi::{CString, c_char};

const PROGRAM: &str = r#"
extern printf: fn(ptr, ...) -> i32
extern fflush: fn(ptr) -> i32

const data greeting = "hello, %s; %d times %d is %d\n\0"

export fn greet(%name: ptr, %a: i32, %b: i32) -> i32 {
    %product = mul %a, %b
    call printf(greeting, %name, %a, %b, %product)
    call fflush(0)
    ret %product
}
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::new(Config::new());
    let program = engine.load_text(PROGRAM)?;
    let greet = program.function::<fn(*const c_char, i32, i32) -> i32>("greet")?;
    let name = CString::new("world")?;
    // SAFETY: the name is a C string that outlives the call; `printf` gets what its format asks for.
    let product = unsafe { greet.call(name.as_ptr(), 6, 7) }?;
    assert_eq!(product, 42);
    Ok(())
}
