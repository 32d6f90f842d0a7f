//! The language's options on the command line, all from the library's table.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, ArgAction, ArgMatches, Command, Error, FromArgMatches};
use kiln_whitespace::Options;
use kiln_whitespace::options::{Compat, OptionInfo, TABLE};

/// Options that count when a program is read, for subcommands that run none.
pub struct Reading(pub Options);

/// All options.
pub struct Language(pub Options);

/// Which options count when a program is read.
const READING: [&str; 3] = ["duplicate-labels", "undefined-labels", "tail"];

/// What whitespacers calls some values: a flag, the option and the value that it stands for.
const FLAGS: [(&str, &str, &str); 4] = [
    ("unchecked-heap", "heap", "zero"),
    ("ignore-overflow", "overflow", "wrap"),
    ("no-fallback", "overflow", "error"),
    ("no-implicit-exit", "end", "error"),
];

const HEADING: &str = "Options of the language";

fn rows(all: bool) -> impl Iterator<Item = &'static OptionInfo> {
    TABLE.iter().filter(move |row| all || READING.contains(&row.name))
}

fn flags(all: bool) -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    FLAGS.into_iter().filter(move |_| all)
}

fn augment(mut command: Command, all: bool) -> Command {
    let compat = Compat::ALL.iter().map(|compat| compat.name());
    command = command.arg(
        Arg::new("compat")
            .long("compat")
            .value_name("IMPLEMENTATION")
            .help("Answer every question as this implementation does; single options override that")
            .value_parser(PossibleValuesParser::new(compat))
            .help_heading(HEADING),
    );
    for row in rows(all) {
        let values = row.values.iter().map(|value| PossibleValue::new(value.name).help(value.doc));
        command = command.arg(
            Arg::new(row.name)
                .long(row.name)
                .value_name("CHOICE")
                .help(format!("{} [default: {}]", row.doc.trim_end_matches('.'), row.values[0].name))
                .value_parser(PossibleValuesParser::new(values))
                .help_heading(HEADING),
        );
    }
    for (flag, option, value) in flags(all) {
        command = command.arg(
            Arg::new(flag)
                .long(flag)
                .action(ArgAction::SetTrue)
                .conflicts_with(option)
                .help(format!("The same as --{option} {value}"))
                .hide_short_help(true)
                .help_heading(HEADING),
        );
    }
    command
}

fn read(matches: &ArgMatches, all: bool) -> Options {
    let compat = matches.get_one::<String>("compat").and_then(|name| Compat::from_name(name));
    let mut options = compat.map_or_else(Options::default, Options::compat);
    for (flag, option, value) in flags(all) {
        if matches.get_flag(flag) {
            options.set(option, value);
        }
    }
    for row in rows(all) {
        if let Some(value) = matches.get_one::<String>(row.name) {
            options.set(row.name, value);
        }
    }
    options
}

macro_rules! arguments {
    ($name:ident, $all:literal) => {
        impl clap::Args for $name {
            fn augment_args(command: Command) -> Command {
                augment(command, $all)
            }

            fn augment_args_for_update(command: Command) -> Command {
                augment(command, $all)
            }
        }

        impl FromArgMatches for $name {
            fn from_arg_matches(matches: &ArgMatches) -> Result<$name, Error> {
                Ok($name(read(matches, $all)))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
                self.0 = read(matches, $all);
                Ok(())
            }
        }
    };
}

arguments!(Reading, false);
arguments!(Language, true);
