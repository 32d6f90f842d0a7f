//! Names to addresses: of the process, of named libraries, of the host.
#![allow(unsafe_code, reason = "asks the dynamic linker")]

use crate::fork::{ForkMutex, ranks};
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_void};

/// Where the linker looks for what a module imports.
///
/// Pairs of sources are a source: the second is asked for what the first does not know.
pub trait Symbols {
    /// The address of a function or data object; of one in `library`, if that is given.
    fn lookup(&self, name: &str, library: Option<&str>) -> Option<*const u8>;

    /// The address that the host gave a name on purpose: what a replaceable import leads to at first, for which
    /// things that just happen to be in the process under its name are not meant.
    fn given(&self, name: &str) -> Option<*const u8> {
        let _ = name;
        None
    }

    /// Why nothing can be found in a library, in words for a person: it does not exist, it cannot be loaded. `None`
    /// if the library is fine or this source knows nothing of libraries.
    fn explain(&self, library: &str) -> Option<String> {
        let _ = library;
        None
    }
}

impl<S: Symbols + ?Sized> Symbols for &S {
    fn lookup(&self, name: &str, library: Option<&str>) -> Option<*const u8> {
        (**self).lookup(name, library)
    }

    fn given(&self, name: &str) -> Option<*const u8> {
        (**self).given(name)
    }

    fn explain(&self, library: &str) -> Option<String> {
        (**self).explain(library)
    }
}

impl<A: Symbols, B: Symbols> Symbols for (A, B) {
    fn lookup(&self, name: &str, library: Option<&str>) -> Option<*const u8> {
        self.0.lookup(name, library).or_else(|| self.1.lookup(name, library))
    }

    fn given(&self, name: &str) -> Option<*const u8> {
        self.0.given(name).or_else(|| self.1.given(name))
    }

    fn explain(&self, library: &str) -> Option<String> {
        self.0.explain(library).or_else(|| self.1.explain(library))
    }
}

/// Addresses that the host gives by name. They answer for any library and for none.
#[derive(Clone, Default, Debug)]
pub struct HostSymbols(HashMap<String, usize>);

impl HostSymbols {
    /// No names yet.
    pub fn new() -> HostSymbols {
        HostSymbols::default()
    }

    /// Gives a name an address, and returns the one it had. What lies there must match the declarations of the
    /// modules that import the name, and live as long as they: calling compiled code is where that is promised.
    pub fn define(&mut self, name: &str, address: *const u8) -> Option<*const u8> {
        self.0.insert(name.into(), address as usize).map(|address| address as *const u8)
    }

    /// The names given so far, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Symbols for HostSymbols {
    fn lookup(&self, name: &str, _library: Option<&str>) -> Option<*const u8> {
        self.0.get(name).map(|address| *address as *const u8)
    }

    fn given(&self, name: &str) -> Option<*const u8> {
        self.lookup(name, None)
    }
}

/// Symbols of this process: the program, the libraries it is linked with, the C mathematics library, and libraries
/// that modules name.
///
/// A named library may be a path (with a `/`), a file name (`libz.so.1`) or a short name (`z`); it is loaded on first
/// use and stays loaded. A linker script in its place (as `libm.so` often is) is followed.
#[derive(Clone, Copy, Default, Debug)]
pub struct ProcessSymbols;

impl Symbols for ProcessSymbols {
    fn lookup(&self, name: &str, library: Option<&str>) -> Option<*const u8> {
        let name = CString::new(name).ok()?;
        match library {
            Some(library) => {
                let handles = open(library).ok()?;
                handles.iter().find_map(|handle| find(*handle as *mut c_void, &name))
            }
            None => find(libc::RTLD_DEFAULT, &name).or_else(|| {
                let handles = open("libm.so.6").ok()?;
                handles.iter().find_map(|handle| find(*handle as *mut c_void, &name))
            }),
        }
    }

    fn explain(&self, library: &str) -> Option<String> {
        open(library).err()
    }
}

fn find(handle: *mut c_void, name: &CStr) -> Option<*const u8> {
    // SAFETY: the handle is RTLD_DEFAULT or of a library never closed; the name is a C string.
    let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
    (!address.is_null()).then_some(address as *const u8)
}

/// The handles of a library that was asked for (a linker script names several), or why there is none.
type Opened = Result<Vec<usize>, String>;

/// Opens a library, or remembers what came of it before.
fn open(library: &str) -> Opened {
    static OPENED: ForkMutex<Option<HashMap<String, Opened>>> = ForkMutex::new(ranks::LIBRARIES, None);
    if let Some(opened) = OPENED.lock().as_ref().and_then(|map| map.get(library)) {
        return opened.clone();
    }
    // Without the lock: a library's own start-up code may link modules.
    let opened = open_any(library);
    let mut map = OPENED.lock();
    map.get_or_insert_default().insert(library.into(), opened.clone());
    opened
}

fn open_any(library: &str) -> Opened {
    let mut candidates = vec![library.to_string()];
    if !library.contains('/') && !library.contains(".so") {
        candidates.push(format!("lib{library}.so"));
    }
    let mut first = None;
    for candidate in candidates {
        match open_file(&candidate) {
            Ok(handle) => return Ok(vec![handle]),
            Err(message) => {
                if let Some(parts) = script_parts(&message) {
                    return parts.iter().map(|part| open_file(part)).collect();
                }
                first.get_or_insert(message);
            }
        }
    }
    Err(first.unwrap_or_default())
}

fn open_file(path: &str) -> Result<usize, String> {
    let name = CString::new(path).map_err(|_| "the name has a zero byte".to_string())?;
    // SAFETY: a C string; start-up code of libraries is as trusted as the module that names them.
    let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if !handle.is_null() {
        return Ok(handle as usize);
    }
    // SAFETY: the message is valid until this thread's next call of the dynamic linker.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return Err(format!("{path} cannot be loaded"));
    }
    // SAFETY: a C string, see above.
    Err(unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned())
}

/// The shared libraries that a linker script names, if that is what the dynamic linker could not load: its message
/// begins with the file it found.
fn script_parts(message: &str) -> Option<Vec<String>> {
    const LONGEST: u64 = 64 << 10;
    let (path, _) = message.split_once(": ")?;
    let path = std::path::Path::new(path);
    if !path.is_absolute() || std::fs::metadata(path).ok()?.len() > LONGEST {
        return None;
    }
    let parts = parts_of_script(&std::fs::read_to_string(path).ok()?);
    (!parts.is_empty()).then_some(parts)
}

fn parts_of_script(text: &str) -> Vec<String> {
    if !text.contains("GROUP") && !text.contains("INPUT") {
        return Vec::new();
    }
    text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ','))
        .filter(|word| word.starts_with('/') && word.contains(".so"))
        .map(String::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_process_and_of_mathematics_are_found() {
        assert_eq!(ProcessSymbols.lookup("memmove", None), Some(libc::memmove as *const u8));
        assert!(ProcessSymbols.lookup("lgamma_r", None).is_some());
        assert!(ProcessSymbols.lookup("no_such_name_anywhere", None).is_none());
        assert!(ProcessSymbols.lookup("zero\0byte", None).is_none());
    }

    #[test]
    fn named_libraries_are_loaded_and_failures_explained() {
        assert!(ProcessSymbols.lookup("cos", Some("libm.so.6")).is_some());
        assert!(ProcessSymbols.lookup("cos", Some("no-such-library")).is_none());
        let why = ProcessSymbols.explain("no-such-library").unwrap();
        assert!(why.contains("no-such-library"), "{why}");
        assert_eq!(ProcessSymbols.explain("libm.so.6"), None);
    }

    #[test]
    fn linker_scripts_are_followed() {
        let text = "/* GNU ld script\n*/\nOUTPUT_FORMAT(elf64-x86-64)\nGROUP ( /lib/libm.so.6  AS_NEEDED ( /lib/libmvec.so.1 ) /lib/libc_nonshared.a )";
        assert_eq!(parts_of_script(text), ["/lib/libm.so.6", "/lib/libmvec.so.1"]);
        let dir = std::env::temp_dir().join(format!("kiln-script-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let script = dir.join("libscripted.so");
        std::fs::write(&script, "INPUT ( /lib/x86_64-linux-gnu/libm.so.6 )").unwrap();
        let found = ProcessSymbols.lookup("cos", script.to_str());
        let reason = ProcessSymbols.explain(script.to_str().unwrap());
        std::fs::remove_dir_all(&dir).unwrap();
        // Elsewhere than on Debian's layout the part has another path, and the reason names it.
        assert!(found.is_some() || reason.unwrap().contains("libm.so.6"));
    }

    #[test]
    fn the_first_of_a_pair_answers_first() {
        let mut host = HostSymbols::new();
        host.define("memmove", 16 as *const u8);
        let both = (&host, ProcessSymbols);
        assert_eq!(both.lookup("memmove", None), Some(16 as *const u8));
        assert_eq!(both.lookup("memset", None), Some(libc::memset as *const u8));
    }
}
