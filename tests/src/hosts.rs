//! The host functions that generated programs call, as C functions, so that every tier calls the same code.
//!
//! Each writes its name and arguments to a log of the thread; two tiers agree only if their logs do. A NaN is logged
//! as one value, whatever its payload, and none is given back.

use std::cell::RefCell;

thread_local! {
    static LOG: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Takes the log of this thread.
pub fn take_log() -> Vec<u64> {
    LOG.take()
}

/// Names and addresses of the host functions, in the order of [`kiln_generator::HOSTS`].
pub fn addresses() -> [(&'static str, *const ()); 10] {
    [
        ("host_nothing", host_nothing as *const ()),
        ("host_mix", host_mix as *const ()),
        ("host_narrow", host_narrow as *const ()),
        ("host_i8", host_i8 as *const ()),
        ("host_u8", host_u8 as *const ()),
        ("host_i16", host_i16 as *const ()),
        ("host_u16", host_u16 as *const ()),
        ("host_f64", host_f64 as *const ()),
        ("host_f32", host_f32 as *const ()),
        ("host_many", host_many as *const ()),
    ]
}

/// Calls a host function with words, as the interpreter does; gives the word of its result, if it has one.
///
/// # Panics
/// If there is no such function, or the words are too few (a bug of the test).
pub fn call(name: &str, w: &[u64]) -> Option<u64> {
    let (f64, f32) = (f64::from_bits, |word: u64| f32::from_bits(word as u32));
    Some(match name {
        "host_nothing" => {
            host_nothing();
            return None;
        }
        "host_mix" => host_mix(w[0] as i64, w[1] as i64) as u64,
        "host_narrow" => {
            host_narrow(w[0] as i8, w[1] as u8, w[2] as i16, w[3] as u16, w[4] as i32) as u32 as u64
        }
        "host_i8" => host_i8(w[0] as i64) as u32 as u64,
        "host_u8" => host_u8(w[0] as i64) as u64,
        "host_i16" => host_i16(w[0] as i64) as u32 as u64,
        "host_u16" => host_u16(w[0] as i64) as u64,
        "host_f64" => host_f64(f64(w[0]), f32(w[1])).to_bits(),
        "host_f32" => host_f32(f32(w[0])).to_bits() as u64,
        "host_many" => host_many(
            w[0] as i64,
            f64(w[1]),
            w[2] as i32,
            f32(w[3]),
            w[4] as i64,
            f64(w[5]),
            w[6] as i8,
            f64(w[7]),
            w[8] as i64,
            f64(w[9]),
            w[10] as u16,
            f64(w[11]),
            w[12] as i64,
            f64(w[13]),
            w[14] as i32,
            f64(w[15]),
            w[16] as i64,
            f32(w[17]),
        ) as u64,
        _ => panic!("there is no host function `{name}`"),
    })
}

/// Logs a call and mixes its arguments to one number.
fn log(id: u64, words: &[u64]) -> u64 {
    LOG.with_borrow_mut(|log| {
        // A program in an endless loop must not eat the memory of the machine.
        if log.len() < 1 << 20 {
            log.push(id);
            log.extend(words);
        }
    });
    words.iter().fold(id, |h, w| (h ^ w).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29))
}

/// Logs a safepoint that was reached: its number, where it is, and its values.
pub fn log_safepoint(id: u32, place: u64, values: &[u64]) {
    let words: Vec<u64> = [id as u64, place].iter().chain(values).copied().collect();
    log(100, &words);
}

fn double(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() }
}

fn single(x: f32) -> u64 {
    if x.is_nan() { f32::NAN.to_bits() as u64 } else { x.to_bits() as u64 }
}

extern "C" fn host_nothing() {
    log(0, &[]);
}

extern "C" fn host_mix(a: i64, b: i64) -> i64 {
    log(1, &[a as u64, b as u64]) as i64
}

extern "C" fn host_narrow(a: i8, b: u8, c: i16, d: u16, e: i32) -> i32 {
    log(2, &[a as u64, b as u64, c as u64, d as u64, e as u64]) as i32
}

extern "C" fn host_i8(a: i64) -> i8 {
    log(3, &[a as u64]) as i8
}

extern "C" fn host_u8(a: i64) -> u8 {
    log(4, &[a as u64]) as u8
}

extern "C" fn host_i16(a: i64) -> i16 {
    log(5, &[a as u64]) as i16
}

extern "C" fn host_u16(a: i64) -> u16 {
    log(6, &[a as u64]) as u16
}

extern "C" fn host_f64(a: f64, b: f32) -> f64 {
    (log(7, &[double(a), single(b)]) as i64 >> 20) as f64 / 64.0
}

extern "C" fn host_f32(a: f32) -> f32 {
    (log(8, &[single(a)]) as i32 >> 8) as f32 / 16.0
}

#[allow(clippy::too_many_arguments, reason = "it tests arguments on the stack")]
extern "C" fn host_many(
    a: i64,
    b: f64,
    c: i32,
    d: f32,
    e: i64,
    f: f64,
    g: i8,
    h: f64,
    i: i64,
    j: f64,
    k: u16,
    l: f64,
    m: i64,
    n: f64,
    o: i32,
    p: f64,
    q: i64,
    r: f32,
) -> i64 {
    let words = [
        a as u64,
        double(b),
        c as u64,
        single(d),
        e as u64,
        double(f),
        g as u64,
        double(h),
        i as u64,
        double(j),
        k as u64,
        double(l),
        m as u64,
        double(n),
        o as u64,
        double(p),
        q as u64,
        single(r),
    ];
    log(9, &words) as i64
}
