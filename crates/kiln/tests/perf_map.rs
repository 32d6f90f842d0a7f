//! The map file from which profilers name compiled code.

use kiln::{Config, Engine, Program, Rule, Tier};
use std::fs;
use std::ops::Range;

const PROGRAM: &str = "
    extern shout: fn(i64)
    extern far: fn(i64) -> i64
    export fn twice(%n: i64) -> i64 {
        call shout(%n)
        %r = shl %n, 1
        ret %r
    }
    export fn outer(%n: i64) -> i64 {
        %a = call twice(%n)
        %b = call far(%a)
        ret %b
    }
";

extern "C" fn far(n: i64) -> i64 {
    n + 1
}

fn load(config: Config) -> Program {
    let mut engine = Engine::new(config.perf_map(true));
    engine.define("shout", |_: i64| ());
    // SAFETY: the program declares it as it is.
    unsafe { engine.define_address("far", far as *const u8) };
    engine.load_text(PROGRAM).unwrap()
}

/// The lines of a process's file: address ranges and names.
fn map_of(pid: u32) -> Vec<(Range<usize>, String)> {
    let text = fs::read_to_string(format!("/tmp/perf-{pid}.map")).unwrap();
    assert!(text.ends_with('\n'));
    let parse = |line: &str| {
        let [start, size, name] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        (number(start)..number(start) + number(size), name.to_owned())
    };
    text.lines().map(parse).collect()
}

#[track_caller]
fn assert_named(map: &[(Range<usize>, String)], address: *const u8, name: &str) {
    let line = map.iter().rfind(|(range, _)| range.start == address as usize);
    assert_eq!(line.map(|(_, name)| name.as_str()), Some(name), "{map:?}");
}

/// Runs this in a child, which must not fail in it; gives the child's number.
fn in_child(work: impl FnOnce()) -> u32 {
    // SAFETY: the child works on one thread, with an allocator that is made for forks, and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err();
        // SAFETY: ends this process at once.
        unsafe { libc::_exit(failed.into()) };
    }
    let mut status = 0;
    // SAFETY: `child` is a child of this process, and `status` can be written.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    child as u32
}

#[test]
fn functions_and_what_surrounds_them_are_named_in_each_process() {
    // What a former process of this number left does not count.
    let path = format!("/tmp/perf-{}.map", std::process::id());
    fs::write(&path, "1000 10 stale\n").unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();

    // Nobody asked: nothing is written.
    let silent = Engine::new(Config::new()).load_text("export fn f() {\n ret\n}").unwrap();
    assert_eq!(map_of(std::process::id()).len(), 1);

    let programs = [Tier::Optimized, Tier::Baseline].map(|tier| load(Config::new().tier(tier)));
    for program in &programs {
        let outer = program.function::<fn(i64) -> i64>("outer").unwrap();
        // SAFETY: the program calls what is declared as it is.
        assert_eq!(unsafe { outer.call(4) }, Ok(9));
    }
    let map = map_of(std::process::id());
    for program in &programs {
        let outer = program.function::<fn(i64) -> i64>("outer").unwrap();
        assert_named(&map, outer.address(), "outer");
        assert_named(&map, program.address("twice").unwrap(), "twice");
    }
    let names: Vec<&str> = map.iter().map(|(_, name)| name.as_str()).collect();
    for name in ["import:shout", "adapter:fn(i64)->i64", "stub:far"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(!names.contains(&"stale") && !names.contains(&"f"), "{names:?}");
    assert!(map.iter().all(|(range, _)| !range.is_empty()));
    drop(silent);

    // Profilers look for names where code does not come from a file.
    let outer = programs[0].function::<fn(i64) -> i64>("outer").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mapping = maps.lines().find(|line| {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let number = |text| usize::from_str_radix(text, 16).unwrap();
        (number(start)..number(end)).contains(&(outer.address() as usize))
    });
    let mapping = mapping.unwrap();
    assert!(mapping.contains(" r-xp ") && mapping.trim_end().ends_with(" 0"), "{mapping}");

    // A child has a file of its own, in which the code that it has from its parent is named too.
    let child = in_child(|| {
        let more = load(Config::new().tier(Tier::Baseline));
        let twice = more.function::<fn(i64) -> i64>("twice").unwrap();
        assert_named(&map_of(std::process::id()), twice.address(), "twice");
    });
    assert_eq!(map_of(std::process::id()), map, "the child wrote nothing here");
    let of_child = map_of(child);
    assert_eq!(of_child[..map.len()], map);
    assert!(of_child.len() > map.len());
    for pid in [std::process::id(), child] {
        fs::remove_file(format!("/tmp/perf-{pid}.map")).unwrap();
    }
}

#[test]
fn better_code_is_named_as_its_function_is() {
    in_child(|| {
        let rule = Rule { ops: 0, at_once: true, ..Rule::default() };
        let program = load(Config::new().rule(rule));
        let outer = program.function::<fn(i64) -> i64>("outer").unwrap();
        // SAFETY: the program calls what is declared as it is.
        assert_eq!(unsafe { outer.call(4) }, Ok(9));
        let map = map_of(std::process::id());
        assert_named(&map, outer.address(), "stub:outer");
        assert_eq!(map.iter().filter(|(_, name)| name == "outer").count(), 2);
        fs::remove_file(format!("/tmp/perf-{}.map", std::process::id())).unwrap();
    });
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    // The file of a process whose number is known only there.
    in_child(|| {
        let path = format!("/tmp/perf-{}.map", std::process::id());
        fs::create_dir(&path).unwrap();
        let loaded = Engine::new(Config::new().perf_map(true)).load_text("export fn f() {\n ret\n}");
        fs::remove_dir(&path).unwrap();
        let error = loaded.unwrap_err().to_string();
        assert!(error.starts_with("the perf map file cannot be written: "), "{error}");
    });
}
