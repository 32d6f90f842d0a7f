//! What instructions mean for the reader: functions begin and end, have parameters and storage, calls are prepared.

use super::fault::{At, Wrong};
use super::items::Item;
use super::operand::passed;
use super::parse::Parser;
use super::program::{FRAME_POINTER, Kind, Operand, Part, Program};
use super::table::Meaning;
use super::value::{Handle, Value};

/// The most parameters of a function, and arguments of a call.
const MOST_ARGUMENTS: usize = 65_000;

impl<'t> Parser<'t> {
    /// What an instruction means for the reader: functions begin and end, variables get values.
    pub(super) fn apply(
        &mut self,
        item: &Item,
        meaning: Meaning,
        target: Option<&'t str>,
        name: Option<&'t str>,
    ) -> Result<(), Wrong> {
        let at = item.at;
        let number = self.program.items.len() as u32;
        let first_in_function =
            |parts: &[Part]| parts.last().is_some_and(|p| p.kind == Kind::Plain && p.start + 1 == number);
        match meaning {
            Meaning::Name => {
                if let (Some(part), Some(name)) = (self.program.parts.last_mut(), name)
                    && !part.closed
                {
                    part.name = Some(name.into());
                }
                return Ok(());
            }
            Meaning::Prolog => {
                self.end_preparation()?;
                self.end_part(number);
                self.begin(number, Kind::Plain);
            }
            Meaning::Epilog => {
                self.end_preparation()?;
                self.function(at, "epilog")?.closed = true;
            }
            Meaning::Frame | Meaning::Tramp => {
                let what = if meaning == Meaning::Frame { "frame" } else { "tramp" };
                if !first_in_function(&self.program.parts) {
                    return Err(Wrong::new(at, format!("`{what}` stands directly behind `prolog`"))
                        .help("no other instruction comes between"));
                }
                let kind = if meaning == Meaning::Frame { Kind::Frame } else { Kind::Tramp };
                self.function(at, what)?.kind = kind;
            }
            Meaning::Arg => {
                let passed = passed(item.row().ty);
                let function = (self.program.parts.len() as u32).saturating_sub(1);
                let part = self.function(at, "arg")?;
                let index = part.params.len() as u32;
                if part.variadic {
                    return Err(Wrong::new(at, "`arg` behind `ellipsis`")
                        .help("arguments that follow the declared ones are read with `va_arg`"));
                }
                if part.params.len() >= MOST_ARGUMENTS {
                    return Err(Wrong::new(at, format!("more than {MOST_ARGUMENTS} parameters")));
                }
                part.params.push(passed);
                let handle = Handle { function, index, passed };
                self.variables.insert(target.unwrap_or_default(), Value::Argument(handle));
                return Ok(());
            }
            Meaning::AllocateFixed => {
                let Operand::Word(size) = item.operands[0] else {
                    return Err(Wrong::new(at, "the size is an integer"));
                };
                if !(0..=1 << 28).contains(&size) {
                    return Err(Wrong::new(at, format!("cannot reserve {size} bytes")).help("0 to 2^28"));
                }
                let part = self.function(at, "allocai")?;
                let align = match size {
                    0 | 1 => 1,
                    2 => 2,
                    3 | 4 => 4,
                    _ => 8,
                };
                part.locals = (part.locals & -align) - size;
                if part.locals < -(1 << 28) {
                    return Err(Wrong::new(at, "the frame is larger than 2^28 bytes"));
                }
                let offset = part.locals;
                self.variables.insert(target.unwrap_or_default(), Value::Int(offset));
                return Ok(());
            }
            Meaning::Allocate => {
                let part = self.function(at, "allocar")?;
                if !part.allocates {
                    // Where the offset of what was allocated last is kept.
                    part.locals = (part.locals & -4) - 4;
                    part.allocates = true;
                }
            }
            Meaning::Prepare => {
                self.function(at, "prepare")?;
                if let Some(open) = self.prepared {
                    return Err(Wrong::new(at, "`prepare` inside of another").help(format!(
                        "the call prepared {} has no `finish` yet",
                        open.seen_from(at, &self.cursor.files)
                    )));
                }
                self.prepared = Some(at);
                self.pushed = 0;
            }
            Meaning::PushArg | Meaning::VaPush => {
                self.function(at, &item.row().name)?;
                if self.prepared.is_none() {
                    return Err(Wrong::new(at, format!("`{}` without `prepare`", item.row().name))
                        .help("`prepare` begins a call, and `finishi` or `finishr` makes it"));
                }
                self.pushed += 1;
                if self.pushed > MOST_ARGUMENTS {
                    return Err(Wrong::new(at, format!("more than {MOST_ARGUMENTS} arguments")));
                }
            }
            Meaning::Ellipsis if self.prepared.is_none() => {
                self.function(at, "ellipsis")?.variadic = true;
                return Ok(());
            }
            Meaning::Ellipsis => {}
            Meaning::Finish => {
                self.function(at, &item.row().name)?;
                self.prepared = None;
            }
            Meaning::Call => {
                self.function(at, &item.row().name)?;
                if let Some(open) = self.prepared {
                    return Err(Wrong::new(at, format!("`{}` while a call is prepared", item.row().name))
                        .help(format!(
                            "`finishi` or `finishr` ends the `prepare` {}",
                            open.seen_from(at, &self.cursor.files)
                        )));
                }
            }
            Meaning::Return
            | Meaning::ReturnValue
            | Meaning::GetArg
            | Meaning::PutArg
            | Meaning::ReturnValueOfCall => {
                self.function(at, &item.row().name)?;
            }
            Meaning::VaStart if !self.function(at, "va_start")?.variadic => {
                return Err(Wrong::new(at, "`va_start` in a function that is not variadic")
                    .help("`ellipsis` behind the declared arguments makes it variadic"));
            }
            _ => match self.program.parts.last() {
                None => self.begin(number, Kind::Preamble),
                Some(part) if part.closed => {
                    return Err(Wrong::new(at, format!("`{}` outside of a function", item.row().name))
                        .help("`prolog` opens one"));
                }
                Some(_) => {}
            },
        }
        self.push(item);
        Ok(())
    }

    /// Appends an instruction, and notes what is asked of many of them later.
    fn push(&mut self, item: &Item) {
        let Program { items, landmarks, in_files, parts, .. } = &mut self.program;
        let file = item.at.file as usize;
        if file >= in_files.len() {
            in_files.resize(file + 1, false);
        }
        in_files[file] = true;
        let has = |is_meant: fn(&Operand) -> bool| item.operands.iter().any(is_meant);
        if item.row().is_landmark || has(|o| matches!(o, Operand::Label(_))) {
            landmarks.push(items.len() as u32);
        }
        if let Some(part) = parts.last_mut() {
            part.names_frame |= has(|o| matches!(o, Operand::Int(FRAME_POINTER)));
        }
        items.push(item);
    }

    fn begin(&mut self, start: u32, kind: Kind) {
        self.program.parts.push(Part {
            start,
            end: start,
            kind,
            closed: false,
            name: None,
            params: Vec::new(),
            variadic: false,
            locals: 0,
            allocates: false,
            names_frame: false,
        });
    }

    pub(super) fn end_part(&mut self, end: u32) {
        if let Some(part) = self.program.parts.last_mut() {
            part.end = end;
        }
    }

    /// The function that is open, or that there is none.
    fn function(&mut self, at: At, what: &str) -> Result<&mut Part, Wrong> {
        match self.program.parts.last_mut() {
            Some(part) if part.kind != Kind::Preamble && !part.closed => Ok(part),
            _ => Err(Wrong::new(at, format!("`{what}` outside of a function")).help("`prolog` opens one")),
        }
    }

    pub(super) fn end_preparation(&mut self) -> Result<(), Wrong> {
        match self.prepared.take() {
            Some(at) => Err(Wrong::new(at, "this call is prepared and never made")
                .help("`finishi` or `finishr` makes it")),
            None => Ok(()),
        }
    }
}
