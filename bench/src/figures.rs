//! The figures that Kiln promises: what is required, what is aimed at, what was measured.

use crate::measure::{Spread, short};
use comfy_table::{Table, presets};
use serde::Serialize;

/// One promised figure. Less is better for all of them.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The name by which tools know it.
    pub key: &'static str,
    /// What it says.
    pub meaning: &'static str,
    /// The most that is accepted.
    pub required: f64,
    /// What is aimed at.
    pub aim: f64,
    /// What was measured, with its quartiles.
    pub value: Spread,
    /// Whether it is at most what is required.
    pub pass: bool,
    /// Whether it is at most what is aimed at.
    pub aim_reached: bool,
}

/// A figure before it is measured.
pub struct Promise {
    key: &'static str,
    meaning: &'static str,
    required: f64,
    aim: f64,
}

/// Run time of the kernels.
pub const OPTIMIZED_RUN_VS_GCC: Promise = Promise {
    key: "optimized_run_vs_gcc_o2",
    meaning: "optimized run time / gcc -O2, geometric mean",
    required: 1.15,
    aim: 1.0,
};
/// Run time of the kernel that is the furthest behind.
pub const OPTIMIZED_RUN_WORST: Promise = Promise {
    key: "optimized_run_worst_kernel",
    meaning: "optimized run time / gcc -O2, the worst kernel, recursion aside",
    required: 2.0,
    aim: 1.3,
};
/// Run time of the kernels, against Cranelift.
pub const OPTIMIZED_RUN_VS_CRANELIFT: Promise = Promise {
    key: "optimized_run_vs_cranelift_speed",
    meaning: "optimized run time / Cranelift speed, geometric mean",
    required: 1.0,
    aim: 0.88,
};
/// Time to build and compile a function of 10^3 ops, against Cranelift.
pub const OPTIMIZED_COMPILE_VS_CRANELIFT: Promise = Promise {
    key: "optimized_compile_vs_cranelift_speed",
    meaning: "optimized compile / Cranelift speed at 10^3 ops",
    required: 0.2,
    aim: 0.1,
};
/// Growth of the time per op with the size of the function.
pub const OPTIMIZED_COMPILE_GROWTH: Promise = Promise {
    key: "optimized_compile_growth",
    meaning: "optimized compile per op, 10^6 / 10^4 ops",
    required: 1.5,
    aim: 1.2,
};
/// Time to build and compile a small function.
pub const OPTIMIZED_SMALL_FUNCTION: Promise = Promise {
    key: "optimized_small_function",
    meaning: "optimized compile of a 30-op function, warm / Cranelift speed of the same",
    required: 0.25,
    aim: 0.12,
};
/// Memory that a compile takes.
pub const OPTIMIZED_BYTES_PER_OP: Promise = Promise {
    key: "optimized_bytes_per_op",
    meaning: "peak memory of an optimized compile, bytes per op at 10^5 ops",
    required: 400.0,
    aim: 200.0,
};
/// Run time of the kernels.
pub const RUN_VS_GCC_O2: Promise = Promise {
    key: "baseline_run_vs_gcc_o2",
    meaning: "baseline run time / gcc -O2, geometric mean",
    required: 1.9,
    aim: 1.5,
};
/// Time to load and run a kernel by the tier that chooses.
pub const AUTO_VS_BETTER_TIER: Promise = Promise {
    key: "auto_vs_better_tier",
    meaning: "load and run, auto / the better fixed tier, the worst kernel",
    required: 1.15,
    aim: 1.15,
};
/// Time to build and compile a function of 10^3 ops, against Cranelift.
pub const COMPILE_VS_CRANELIFT: Promise = Promise {
    key: "baseline_compile_vs_cranelift_none",
    meaning: "baseline compile / Cranelift none at 10^3 ops",
    required: 1.0 / 25.0,
    aim: 1.0 / 40.0,
};
/// Growth of the time per op with the size of the function.
pub const COMPILE_GROWTH: Promise = Promise {
    key: "baseline_compile_growth",
    meaning: "baseline compile per op, 10^6 / 10^4 ops",
    required: 1.5,
    aim: 1.2,
};
/// Time to build and compile, against writing as many instructions.
pub const COMPILE_VS_EMISSION: Promise = Promise {
    key: "baseline_compile_vs_raw_emission",
    meaning: "baseline compile per op / dynasm-rs VecAssembler, as many instructions",
    required: 12.0,
    aim: 6.0,
};
/// Run time of the kernels.
pub const RUN_VS_GCC_O0: Promise = Promise {
    key: "baseline_run_vs_gcc_o0",
    meaning: "baseline run time / gcc -O0, geometric mean",
    required: 0.9,
    aim: 0.7,
};
/// A program of some size at its work, as a process.
pub const JSON_VS_GCC_O0: Promise = Promise {
    key: "json_vs_gcc_o0",
    meaning: "kiln run examples/json.kiln on 10 MB / the same in C by gcc -O0, as processes",
    required: 2.0,
    aim: 1.0,
};
/// A small program as a process.
pub const COLD_VS_TCC: Promise = Promise {
    key: "cold_start_vs_tcc",
    meaning: "kiln run examples/fib.kiln 5 / tcc -run of the same, as processes",
    required: 1.2,
    aim: 1.0,
};
/// A guard behind each op of a chain.
pub const GUARD_PER_OP: Promise = Promise {
    key: "guard_per_op",
    meaning: "a chain of ops with a guard per op / without",
    required: 1.15,
    aim: 1.05,
};
/// A safepoint that nobody watches.
pub const IDLE_SAFEPOINT: Promise = Promise {
    key: "idle_safepoint",
    meaning: "a loop over a chain of ops with a safepoint / without",
    required: 1.01,
    aim: 1.0,
};

/// Time to compile a large lightning program.
pub const LIGHTNING_COMPILE_VS_CRANELIFT: Promise = Promise {
    key: "lightning_compile_vs_cranelift_none",
    meaning: "lightning, 400,000 instructions: baseline compile / Cranelift none on the same IR",
    required: 1.0 / 15.0,
    aim: 1.0 / 30.0,
};
/// Growth of the time per instruction with the size of the program.
pub const LIGHTNING_GROWTH: Promise = Promise {
    key: "lightning_growth",
    meaning: "lightning: read, verify and baseline compile per instruction, 400,000 / 100,000",
    required: 1.5,
    aim: 1.2,
};
/// Time to compile a large rasm program.
pub const RASM_COMPILE_VS_CRANELIFT: Promise = Promise {
    key: "rasm_compile_vs_cranelift_none",
    meaning: "rasm, 400,000 statements: baseline compile / Cranelift none on the same IR",
    required: 1.0 / 15.0,
    aim: 1.0 / 30.0,
};
/// Growth of the time per statement with the size of the program.
pub const RASM_GROWTH: Promise = Promise {
    key: "rasm_growth",
    meaning: "rasm: read, verify and baseline compile per statement, 400,000 / 100,000",
    required: 1.5,
    aim: 1.2,
};

/// An interpreter in Whitespace: a heap, calls, short blocks.
pub const WHITESPACE_INTERPRETER_VS_WSC: Promise = Promise {
    key: "whitespace_interpreter_vs_wsc",
    meaning: "Whitespace, a Whitespace interpreter in Whitespace running a quine of 660 kB: Kiln / wsc, both ahead of time",
    required: 1.0 / 5.0,
    aim: 1.0 / 8.0,
};
/// The same against C.
pub const WHITESPACE_INTERPRETER_VS_C: Promise = Promise {
    key: "whitespace_interpreter_vs_c",
    meaning: "Whitespace, the same interpreter: Kiln with its checks / naive C without, gcc -O1",
    required: 2.0,
    aim: 1.3,
};
/// A second interpreter, in another style: decisions by arithmetic, stacks of any height.
pub const WHITESPACE_STACKVM_VS_WSC: Promise = Promise {
    key: "whitespace_stackvm_vs_wsc",
    meaning: "Whitespace, a machine with a stack in Whitespace: Kiln / wsc",
    required: 1.0 / 5.0,
    aim: 1.0 / 8.0,
};
/// The same against C.
pub const WHITESPACE_STACKVM_VS_C: Promise = Promise {
    key: "whitespace_stackvm_vs_c",
    meaning: "Whitespace, the same machine: Kiln with its checks / naive C without, gcc -O1",
    required: 2.0,
    aim: 1.3,
};
/// Loops that do nothing else.
pub const WHITESPACE_NESTED_VS_WSC: Promise = Promise {
    key: "whitespace_nested_vs_wsc",
    meaning: "Whitespace, two nested loops: Kiln / wsc",
    required: 1.0 / 6.0,
    aim: 1.0 / 10.0,
};
/// Division by constants, one hot cell.
pub const WHITESPACE_COLLATZ_VS_WSC: Promise = Promise {
    key: "whitespace_collatz_vs_wsc",
    meaning: "Whitespace, Collatz below 300000: Kiln / wsc",
    required: 1.0 / 3.5,
    aim: 1.0 / 5.0,
};
/// Calls.
pub const WHITESPACE_FIB_VS_WSC: Promise = Promise {
    key: "whitespace_fib_vs_wsc",
    meaning: "Whitespace, recursive Fibonacci of 36: Kiln / wsc",
    required: 1.0 / 4.0,
    aim: 1.0 / 7.0,
};
/// A large heap.
pub const WHITESPACE_SIEVE_VS_WSC: Promise = Promise {
    key: "whitespace_sieve_vs_wsc",
    meaning: "Whitespace, a sieve of 4 million heap cells: Kiln / wsc",
    required: 1.0 / 12.0,
    aim: 1.0 / 20.0,
};
/// What an overflow at the start costs the rest of a run.
pub const WHITESPACE_OVERFLOW_VS_WSC: Promise = Promise {
    key: "whitespace_overflow_vs_wsc",
    meaning: "Whitespace, one overflow, then a long loop: Kiln / wsc",
    required: 1.0 / 10.0,
    aim: 1.0 / 30.0,
};
/// Big numbers times small ones.
pub const WHITESPACE_FACTORIAL_VS_WSC: Promise = Promise {
    key: "whitespace_factorial_vs_wsc",
    meaning: "Whitespace, 20000!: Kiln / wsc",
    required: 1.0,
    aim: 0.5,
};
/// Big numbers among each other.
pub const WHITESPACE_PI_VS_WSC: Promise = Promise {
    key: "whitespace_pi_vs_wsc",
    meaning: "Whitespace, 3000 digits of pi: Kiln / wsc",
    required: 1.0,
    aim: 0.5,
};
/// A small program as a process.
pub const WHITESPACE_HELLO_VS_WSC: Promise = Promise {
    key: "whitespace_hello_vs_wsc",
    meaning: "Whitespace, hello world as processes: kiln ws run / wsc",
    required: 1.2,
    aim: 1.0,
};
/// A large program of which little runs.
pub const WHITESPACE_LARGE_VS_WSC: Promise = Promise {
    key: "whitespace_large_vs_wsc",
    meaning: "Whitespace, a program of 500 kB that runs briefly: Kiln / wsc, the best way of each",
    required: 1.0,
    aim: 1.0 / 3.0,
};

impl Promise {
    /// The figure with its measured value.
    pub fn measured(&self, value: Spread) -> Figure {
        let Promise { key, meaning, required, aim } = *self;
        let (pass, aim_reached) = (value.median <= required, value.median <= aim);
        Figure { key, meaning, required, aim, value, pass, aim_reached }
    }
}

/// The figures for a reader.
pub fn table(figures: &[Figure]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(["figure", "required", "aim", "measured", "verdict"]);
    for f in figures {
        let verdict = match (f.aim_reached, f.pass) {
            (true, _) => "aim reached",
            (false, true) => "pass",
            (false, false) => "FAIL",
        };
        let (meaning, key) = (f.meaning, f.key);
        let name = format!("{meaning} ({key})");
        table.add_row([name, short(f.required), short(f.aim), f.value.to_string(), verdict.into()]);
    }
    table
}
