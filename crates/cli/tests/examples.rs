//! Each example does what it says, in every tier. The one for JSON has a file of its own.

mod command;

use command::{example, file, run, scratch};

#[test]
fn fib() {
    assert_eq!(example("fib", &["15"]), "fib(15) = 610\n");
    assert_eq!(run(&["run", "examples/fib.kiln"]).succeeds(), "fib(30) = 832040\n");
}

#[test]
fn sieve() {
    assert_eq!(example("sieve", &["10000"]), "1229 primes below 10000\n");
    assert_eq!(example("sieve", &["2"]), "0 primes below 2\n");
    assert_eq!(example("sieve", &["3"]), "1 primes below 3\n");
    assert_eq!(run(&["run", "examples/sieve.kiln"]).succeeds(), "664579 primes below 10000000\n");
}

/// The same sums in Rust: element (i, j) of a matrix is ((i * a + j * b) % 17 - 8) / 4.
fn trace(n: i64) -> f64 {
    let element = |i: i64, j: i64, a: i64, b: i64| ((i * a + j * b) % 17 - 8) as f64 / 4.0;
    (0..n).map(|i| (0..n).map(|k| element(i, k, 5, 3) * element(k, i, 2, 7)).sum::<f64>()).sum()
}

#[test]
fn matmul() {
    assert_eq!(example("matmul", &["20"]), format!("20 x 20: trace {:.6}\n", trace(20)));
    assert_eq!(
        run(&["run", "examples/matmul.kiln"]).succeeds(),
        format!("300 x 300: trace {:.6}\n", trace(300))
    );
}

#[test]
fn nbody() {
    // The reference output of the well-known program for 1000 steps.
    assert_eq!(example("nbody", &["1000"]), "-0.169075164\n-0.169087605\n");
}

#[test]
fn mandelbrot_writes_a_picture() {
    let path = scratch("mandelbrot.ppm");
    let shown = path.display().to_string();
    assert_eq!(example("mandelbrot", &["60", &shown]), format!("{shown}: 60 x 40 pixels\n"));
    let picture = std::fs::read(&path).unwrap();
    let header = b"P6\n60 40\n255\n";
    assert!(picture.starts_with(header));
    assert_eq!(picture.len(), header.len() + 60 * 40 * 3);
    let pixel = |x: usize, y: usize| &picture[header.len() + (y * 60 + x) * 3..][..3];
    assert_eq!(pixel(40, 20), [0, 0, 0], "the origin is inside");
    assert_eq!(pixel(0, 0), [0, 6, 73], "a corner is left after one step");
}

#[test]
fn sha256() {
    // Lengths around the block's and the padding's ends, and one of several chunks.
    let digests = [
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ];
    for (length, digest) in digests {
        let path = file(&format!("sha256-{length}"), &b"abc"[..length]);
        assert_eq!(example("sha256", &[&path]), format!("{digest}  {path}\n"));
    }
}

#[test]
fn sha256_agrees_with_sha256sum() {
    let mut paths = Vec::new();
    for length in [55, 56, 63, 64, 65, 119, 120, 65535, 65536, 65537, 200_000] {
        let bytes: Vec<u8> = (0..length).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        paths.push(file(&format!("sha256sum-{length}"), bytes));
    }
    let arguments: Vec<&str> = paths.iter().map(String::as_str).collect();
    let expected = std::process::Command::new("sha256sum").args(&arguments).output();
    let Ok(expected) = expected else { panic!("sha256sum is part of coreutils") };
    let kiln = run(&[&["run", "examples/sha256.kiln"], &arguments[..]].concat());
    assert_eq!(kiln.succeeds(), String::from_utf8(expected.stdout).unwrap());
    run(&["run", "examples/sha256.kiln", "/nonexistent"]).fails(1, &["/nonexistent: No such file"]);
}

#[test]
fn wordcount() {
    let text = "The cat and the hat. The cat's hat? AND the dog; don't! caf\u{e9} Caf\u{e9} zebra";
    let path = file("words.txt", text);
    let expected = "      4 the\n      2 and\n      2 caf\u{e9}\n      2 hat\n      1 cat\n      1 cat's\n";
    assert_eq!(example("wordcount", &[&path, "6"]), expected);
}

#[test]
fn wordcount_of_a_large_text() {
    // Enough words to let the table and the buffer grow several times.
    let mut text = String::new();
    let mut expected: Vec<(usize, String)> = Vec::new();
    for n in 0..9000usize {
        let word: String = format!("{n:05}").bytes().map(|d| (d - b'0' + b'a') as char).collect();
        let count = 1 + n * 7 % 5;
        for _ in 0..count {
            text.push_str(&word);
            text.push('\n');
        }
        expected.push((count, word));
    }
    expected.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let expected: String =
        expected.iter().take(25).map(|(count, word)| format!("{count:7} {word}\n")).collect();
    let path = file("many-words.txt", text);
    assert_eq!(run(&["run", "examples/wordcount.kiln", &path, "25"]).succeeds(), expected);
}
