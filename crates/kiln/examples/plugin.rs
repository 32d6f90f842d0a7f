//! A host whose plugin is replaced while it runs.
//!
//! A program runs a loop on a thread of its own and hands each number it gets to `handle`. That function is declared
//! `replaceable`: the host compiles new versions of it from a plugin's source and puts them in its place, while the loop
//! goes on. What to see here:
//!
//! - **Host closures**: the loop gets its numbers from one (`next`) and gives its results to another (`emit`); plugins
//!   may call a third (`log`). An `Err` of a closure is a trap of the program that called it.
//! - **Hot replacement**: `Program::replace` checks the signature and redirects later calls. The call under way stays in
//!   the old version, which is freed when it has returned; nobody stops, nobody waits.
//! - **Mistakes are contained**: a version that does not compile or has another signature is refused, and the one
//!   before goes on. A version that traps ends the loop's call with a `Trap`; the host says so, restores the
//!   function that the program came with, and starts the loop again.
//!
//! `cargo run --example plugin` shows all of that with versions kept below, and ends. `cargo run --example plugin
//! FILE.kiln` watches a file instead: edit it while the loop runs; for example
//!
//! ```text
//! extern log: fn(i64)
//! export fn handle(%n: i64) -> i64 {
//!     call log(%n)
//!     %r = mul %n, %n
//!     ret  %r
//! }
//! ```

use kiln::{Config, Engine, Program};
use std::error::Error;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, SystemTime};

/// The program with the loop. Its own `handle` stands in as long as there is no plugin.
const LOOP: &str = "
extern next: fn() -> i64
extern emit: fn(i64, i64)

replaceable fn handle(%n: i64) -> i64 {
    ret %n
}

export fn run() {
again:
    %n = call next()
    blt  %n, 0, end
    %r = call handle(%n)
    call emit(%n, %r)
    jump again
end:
    ret
}
";

/// What the loop has to say to the host.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A number and what `handle` made of it.
    Result(i64, i64),
    /// A plugin logged a number.
    Log(i64),
    /// A plugin trapped; the loop was started again with the function that it came with.
    Trap(String),
}

/// A running loop: numbers go in, events come out.
pub struct Host {
    engine: Engine,
    program: Program,
    numbers: Option<Sender<i64>>,
    /// What the loop says.
    pub events: Receiver<Event>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Host {
    /// Starts the loop.
    pub fn start() -> Result<Host, Box<dyn Error>> {
        let (numbers, incoming) = mpsc::channel();
        let (say, events) = mpsc::channel();
        let mut engine = Engine::new(Config::new());
        // Closures may be called from any thread that runs a program, so what they hold is shared.
        let incoming = Mutex::new(incoming);
        engine.define("next", move || -> i64 {
            let incoming = incoming.lock().expect("nobody panics with the lock");
            incoming.recv().unwrap_or(-1) // the host is gone: the end
        });
        let told = say.clone();
        engine
            .define("emit", move |n: i64, r: i64| told.send(Event::Result(n, r)).map_err(|e| e.to_string()));
        let told = say.clone();
        engine.define("log", move |n: i64| match n {
            0.. => told.send(Event::Log(n)).map_err(|e| e.to_string()),
            _ => Err(format!("{n} cannot be logged")),
        });
        let program = engine.load_text_with("loop.kiln", LOOP, &kiln::NoIncludes)?;
        let run = program.function::<fn()>("run")?;
        let running = program.clone();
        let thread = thread::spawn(move || {
            // SAFETY: loop and plugins touch no memory, and the closures are declared as they are defined.
            while let Err(trap) = unsafe { run.call() } {
                running.restore("handle").expect("`handle` is replaceable");
                if say.send(Event::Trap(trap.to_string())).is_err() {
                    return;
                }
            }
        });
        Ok(Host { engine, program, numbers: Some(numbers), events, thread: Some(thread) })
    }

    /// Puts a version of the plugin in the place of the one before. The loop goes on meanwhile.
    pub fn install(&self, name: &str, source: &str) -> Result<(), Box<dyn Error>> {
        let plugin = self.engine.load_text_with(name, source, &kiln::NoIncludes)?;
        // The loop's program holds the plugin from here on, as long as calls may be in it.
        Ok(self.program.replace("handle", &plugin, "handle")?)
    }

    /// Gives the loop a number.
    pub fn feed(&self, n: i64) {
        let numbers = self.numbers.as_ref().expect("open until the host is dropped");
        numbers.send(n).expect("the loop runs until then");
    }

    /// Gives the loop a number and waits for what it says about it, up to the result or a trap.
    pub fn ask(&self, n: i64) -> Vec<Event> {
        self.feed(n);
        let mut events = Vec::new();
        while let Ok(event) = self.events.recv() {
            let last = !matches!(event, Event::Log(_));
            events.push(event);
            if last {
                break;
            }
        }
        events
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.numbers = None;
        if let Some(thread) = self.thread.take() {
            // It ends without a panic, or has said why.
            let _ = thread.join();
        }
    }
}

/// Versions of the plugin, some with mistakes.
pub const VERSIONS: [(&str, &str); 5] = [
    ("double.kiln", "export fn handle(%n: i64) -> i64 {\n    %r = mul %n, 2\n    ret %r\n}\n"),
    (
        "logged.kiln",
        "extern log: fn(i64)\nexport fn handle(%n: i64) -> i64 {\n    call log(%n)\n    %r = mul %n, %n\n    ret %r\n}\n",
    ),
    ("typo.kiln", "export fn handle(%n: i64) -> i64 {\n    %r = mull %n, 2\n    ret %r\n}\n"),
    ("wrong.kiln", "export fn handle(%n: f64) -> f64 {\n    ret %n\n}\n"),
    ("fragile.kiln", "export fn handle(%n: i64) -> i64 {\n    %r = sdiv 100, %n\n    ret %r\n}\n"),
];

/// Watches a file: installs it whenever it changes, feeds the loop a number a second.
fn watch(path: &Path) -> Result<(), Box<dyn Error>> {
    let host = Host::start()?;
    let name = path.display().to_string();
    let mut seen: Option<SystemTime> = None;
    for n in 0.. {
        let changed = std::fs::metadata(path)?.modified()?;
        if seen != Some(changed) {
            seen = Some(changed);
            match host.install(&name, &std::fs::read_to_string(path)?) {
                Ok(()) => println!("-- {name} is in place"),
                Err(error) => println!("-- {name} is refused: {error}"),
            }
        }
        for event in host.ask(n) {
            println!("{event:?}");
        }
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// Shows what the versions above do.
fn show() -> Result<(), Box<dyn Error>> {
    let host = Host::start()?;
    println!("as it comes: {:?}", host.ask(7));
    for (name, source) in VERSIONS {
        match host.install(name, source) {
            Ok(()) => println!("{name} is in place"),
            Err(error) => println!("{name} is refused: {error}"),
        }
        println!("    {:?}", host.ask(7));
    }
    println!("a trap: {:?}", host.ask(0));
    println!("after it: {:?}", host.ask(7));
    Ok(())
}

#[allow(dead_code, reason = "the test of this example calls the parts")]
fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args_os().nth(1) {
        Some(path) => watch(Path::new(&path)),
        None => show(),
    }
}
