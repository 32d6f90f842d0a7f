//! Functions of programs called by C: answers for traps, and the end of the process where there can be none.

use kiln::{Config, Engine, Tier, TrapKind};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const TIERS: [Tier; 3] = [Tier::Interpreter, Tier::Baseline, Tier::Optimized];

fn engine(tier: Tier) -> Engine {
    Engine::new(Config::new().tier(tier))
}

const SORT: &str = "
extern qsort: fn(ptr, i64, i64, ptr)
export fn compare(%a: ptr, %b: ptr) -> i32 {
    %x = load.i32 [%a]
    %y = load.i32 [%b]
    beq %x, 13, bad
    beq %y, 13, bad
    %r = sub %x, %y
    ret %r
bad:
    trap 5
}
export fn sort(%p: ptr, %n: i64, %compare: ptr) {
    call qsort(%p, %n, 4, %compare)
    ret
}
export fn sort_by_address(%p: ptr, %n: i64) {
    %f = func_addr compare
    call qsort(%p, %n, 4, %f)
    ret
}
export fn sort_by_next(%p: ptr, %n: i64) {
    call sort_by_address(%p, %n)
    ret
}
";

#[test]
fn the_c_caller_gets_the_answer_for_a_trap_and_goes_on() {
    for tier in TIERS {
        let program = engine(tier).load_text(SORT).unwrap();
        let traps = Arc::new(Mutex::new(Vec::new()));
        let log = traps.clone();
        let compare = program.function::<fn(*const i32, *const i32) -> i32>("compare").unwrap();
        let callback = compare.callback(move |trap| {
            log.lock().unwrap().push((trap.kind(), trap.to_string()));
            0
        });
        let sort = program.function::<fn(*mut i32, i64, *const u8)>("sort").unwrap();
        let mut numbers = [4, 3, 2, 1];
        // SAFETY: the numbers are there, and the callback compares two of them.
        unsafe { sort.call(numbers.as_mut_ptr(), 4, callback.address()) }.unwrap();
        assert_eq!((numbers, traps.lock().unwrap().len()), ([1, 2, 3, 4], 0));
        numbers = [13, 13, 13, 13];
        // SAFETY: as above.
        unsafe { sort.call(numbers.as_mut_ptr(), 4, callback.address()) }.unwrap();
        let traps = traps.lock().unwrap();
        assert!(traps.len() >= 3);
        let expected = (TrapKind::User(5), "trap 5 in `compare` at <text>:11:5".to_owned());
        assert!(traps.iter().all(|trap| *trap == expected), "{traps:?}");
    }
}

#[test]
fn callbacks_answer_for_exits_and_hand_their_values_over() {
    for tier in TIERS {
        let text = format!(
            "{SORT}
export fn checked(%a: ptr, %b: ptr) -> i32 {{
    %x = load.i32 [%a]
    %y = load.i32 [%b]
    guard_eq %x, 13, 4 (%y, %x)
    %r = sub %x, %y
    bne %r, 0, fine
    exit 5 (%x)
fine:
    ret %r
}}"
        );
        let program = engine(tier).load_text(&text).unwrap();
        let exits = Arc::new(Mutex::new(Vec::new()));
        let log = exits.clone();
        let checked = program.function::<fn(*const i32, *const i32) -> i32>("checked").unwrap();
        let callback = checked.callback(move |trap| {
            log.lock().unwrap().push((trap.kind(), trap.values().to_vec()));
            0
        });
        let sort = program.function::<fn(*mut i32, i64, *const u8)>("sort").unwrap();
        for (mut numbers, kind, values) in
            [([13, 2], TrapKind::Exit(4), vec![2, 13]), ([7, 7], TrapKind::Exit(5), vec![7])]
        {
            // SAFETY: two numbers are there, and the callback compares them.
            unsafe { sort.call(numbers.as_mut_ptr(), 2, callback.address()) }.unwrap();
            assert_eq!(*exits.lock().unwrap(), [(kind, values)]);
            exits.lock().unwrap().clear();
        }
    }
}

#[test]
fn callbacks_carry_values_of_every_kind() {
    for tier in TIERS {
        let text = "export fn mix(%a: i8, %b: u16, %c: f32, %d: f64, %e: i64, %f: ptr) -> f64 {
    %x: f64 = sitof %a
    %y: f64 = sitof %b
    %x = fadd %x, %y
    %y = fpromote %c
    %x = fadd %x, %y
    %x = fadd %x, %d
    %y = sitof %e
    %x = fadd %x, %y
    %y = load.f64 [%f]
    %x = fadd %x, %y
    ret %x
}";
        type Mix = fn(i8, u16, f32, f64, i64, *const f64) -> f64;
        let callback =
            engine(tier).load_text(text).unwrap().function::<Mix>("mix").unwrap().callback(|_| f64::NAN);
        let pointed = 0.125;
        // SAFETY: the callback has this type; the address is of a float, or none.
        let (good, bad) = unsafe {
            let mix = std::mem::transmute::<
                *const u8,
                extern "C" fn(i8, u16, f32, f64, i64, *const f64) -> f64,
            >(callback.address());
            (mix(-1, 65535, 0.5, 0.25, 1 << 40, &pointed), mix(0, 0, 0.0, 0.0, 0, std::ptr::null()))
        };
        assert_eq!(good, -1.0 + 65535.0 + 0.5 + 0.25 + (1u64 << 40) as f64 + 0.125);
        assert!(bad.is_nan());
    }
}

/// Starts C threads, which Kiln has not seen, that call a function; gives the sum of what it returned.
fn call_on_c_threads(address: *const u8, threads: usize) -> usize {
    let start = |_| {
        let mut thread = 0;
        // SAFETY: the tests pass functions of this type, which are there until the threads have ended.
        unsafe {
            let start = std::mem::transmute::<*const u8, extern "C" fn(*mut libc::c_void) -> *mut libc::c_void>(
                address,
            );
            assert_eq!(libc::pthread_create(&mut thread, std::ptr::null(), start, 6 as *mut _), 0);
        }
        thread
    };
    let threads: Vec<_> = (0..threads).map(start).collect();
    let join = |thread| {
        let mut result = std::ptr::null_mut();
        // SAFETY: each thread is joined once.
        assert_eq!(unsafe { libc::pthread_join(thread, &mut result) }, 0);
        result as usize
    };
    threads.into_iter().map(join).sum()
}

#[test]
fn threads_that_kiln_has_not_made_call_back() {
    for tier in TIERS {
        let text = "export fn run(%x: ptr) -> ptr {
    %r = mul.ptr %x, 7
    %z = sub.ptr %x, 6
    %q = udiv.i64 %r, %z
    ret %q
}
export fn fine(%x: ptr) -> ptr {
    %r = mul.ptr %x, 7
    ret %r
}";
        let program = engine(tier)
            .load_text(text.replace("mul.ptr", "mul.i64").replace("sub.ptr", "sub.i64").as_str())
            .unwrap();
        let traps = Arc::new(AtomicUsize::new(0));
        let count = traps.clone();
        let run = program.function::<fn(usize) -> usize>("run").unwrap().callback(move |trap| {
            assert_eq!(trap.kind(), TrapKind::DivideByZero);
            count.fetch_add(1, Ordering::SeqCst);
            1000
        });
        let fine = program.function::<fn(usize) -> usize>("fine").unwrap().callback(|_| 0);
        drop(program);
        assert_eq!(call_on_c_threads(run.address(), 8), 8000);
        assert_eq!(call_on_c_threads(fine.address(), 8), 8 * 42);
        assert_eq!(traps.load(Ordering::SeqCst), 8);
    }
}

#[test]
fn callbacks_hold_their_program_and_follow_replacements() {
    for tier in TIERS {
        let text = |n: i64| format!("export replaceable fn f() -> i64 {{\n    ret {n}\n}}");
        let program = engine(tier).load_text(&text(1)).unwrap();
        let callback = program.function::<fn() -> i64>("f").unwrap().callback(|_| -1);
        // SAFETY: the callback has this type.
        let f = unsafe { std::mem::transmute::<*const u8, extern "C" fn() -> i64>(callback.address()) };
        assert_eq!(f(), 1);
        program.replace("f", &engine(tier).load_text(&text(2)).unwrap(), "f").unwrap();
        drop(program);
        assert_eq!(f(), 2);
    }
}

/// Runs one of the scenes below in a process of its own.
fn scene(name: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "scenes", "--nocapture"])
        .env("KILN_TEST_SCENE", name)
        .output()
        .unwrap()
}

/// What happens in the processes that [`scene`] starts; each must end before it comes back.
#[test]
fn scenes() {
    let Ok(scene) = std::env::var("KILN_TEST_SCENE") else { return };
    let (tier, scene) = scene.split_once(' ').unwrap();
    let tier = TIERS.into_iter().find(|t| format!("{t:?}").to_lowercase() == tier).unwrap();
    let mut config = Config::new().tier(tier);
    if scene == "steps" {
        // `sort` is one, its callback another, and what that calls one too many.
        config = config.depth(2);
    }
    let mut engine = Engine::new(config);
    engine.define("refuse", |_: i64| -> Result<(), &str> { Err("nothing for you") });
    let text = format!(
        "{SORT}
extern refuse: fn(i64)
export fn refused(%a: ptr, %b: ptr) -> i32 {{
    call refuse(1)
    ret 0
}}
export fn deep(%a: ptr, %b: ptr) -> i32 {{
    slot room: 3000
    %p = slot_addr room
    %r = call deep(%p, %b)
    %r = add %r, 1
    ret %r
}}
export fn far(%a: ptr, %b: ptr) -> i32 {{
    slot room: 300000
    %p = slot_addr room
    %r = call far(%p, %b)
    %r = add %r, 1
    ret %r
}}
export fn copies(%a: ptr, %b: ptr) -> i32 {{
    mem_copy %a, 16, 100000
    ret 0
}}
export fn nowhere(%a: ptr, %b: ptr) -> i32 {{
    %n: ptr = const 0
    %r = call_ptr %n: fn() -> i32 ()
    ret %r
}}
export fn exits(%a: ptr, %b: ptr) -> i32 {{
    %x = load.i32 [%a]
    exit 3 (%x)
}}
export fn guards(%a: ptr, %b: ptr) -> i32 {{
    %x = load.i32 [%a]
    guard_eq %x, 13, 4 (%x)
    ret 0
}}
export fn steps(%a: ptr, %b: ptr) -> i32 {{
    %r = call equal(%a, %b)
    ret %r
}}
fn equal(%a: ptr, %b: ptr) -> i32 {{
    ret 0
}}
replaceable extern later: fn(ptr, ptr) -> i32
export fn unbound(%p: ptr) {{
    %f = func_addr later
    call qsort(%p, 2, 4, %f)
    ret
}}"
    );
    let program = engine.load_text(&text).unwrap();
    let mut numbers = [13, 13];
    let at = numbers.as_mut_ptr() as u64;
    // SAFETY: two numbers are there; what the scenes do is stopped by traps.
    unsafe {
        match scene {
            "callback" => drop(program.invoke("sort_by_next", &[at, 2])),
            "unbound" => drop(program.invoke("unbound", &[at])),
            "outside" => {
                let compare = program.function::<fn(*const i32, *const i32) -> i32>("compare").unwrap();
                type Compare = extern "C" fn(*const i32, *const i32) -> i32;
                std::mem::transmute::<*const u8, Compare>(compare.address())(&numbers[0], &numbers[1]);
            }
            name => {
                let compare = program.function::<fn(*const i32, *const i32) -> i32>(name).unwrap();
                drop(program.invoke("sort", &[at, 2, compare.address() as u64]));
            }
        }
    }
    println!("went on");
}

#[test]
fn traps_do_not_skip_frames_of_c() {
    let between = "native code that called back into the program cannot be skipped";
    let outside = "native code called the program at an address";
    for tier in ["interpreter", "baseline", "optimized"] {
        let mut scenes = vec![
            ("callback", "trap 5 in `compare` at <text>:11:5", between),
            ("refused", "nothing for you in `refused` at <text>:29:5", between),
            ("copies", "bad memory access at 0x10 in `copies` at <text>:", between),
            ("nowhere", "bad memory access", between),
            ("unbound", "nothing is bound to `later`, which was called", between),
            ("exits", "exit 3 in `exits` at <text>:", between),
            ("guards", "exit 4 in `guards` at <text>:", between),
            ("steps", "stack overflow in `equal` at <text>:", between),
            ("outside", "trap 5 in `compare` at <text>:11:5", outside),
        ];
        if tier == "baseline" {
            scenes.push(("deep", "stack overflow in `deep`", between));
            scenes.push(("far", "stack overflow in `far`", between));
        }
        for (name, said, why) in scenes {
            let child = scene(&format!("{tier} {name}"));
            let stderr = String::from_utf8_lossy(&child.stderr);
            assert!(stderr.contains(said) && stderr.contains(why), "{tier} {name}: {stderr}");
            assert_eq!(child.status.signal(), Some(libc::SIGABRT), "{tier} {name}: {stderr}");
            assert!(!String::from_utf8_lossy(&child.stdout).contains("went on"));
        }
    }
}
