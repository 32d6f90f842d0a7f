//! `kiln man`: manual pages, from the same definitions that parse the command's words.

use crate::Arguments as Root;
use crate::render;
use crate::status::Status;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  kiln man | man -l -                  read all pages
  kiln man ~/.local/share/man/man1     from then on, `man kiln-run`";

/// Write the manual pages, to a folder or to standard output
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The folder, which must exist; without one, the pages go to standard output, one behind the other
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
}

/// Writes a page for the command and one for each subcommand.
pub fn man(arguments: Arguments) -> Result<(), Status> {
    let mut root = Root::command().disable_help_subcommand(true);
    // Gives subcommands their full names.
    root.build();
    let mut pages = vec![("kiln".to_owned(), root)];
    // The list grows while it is walked: subcommands may have subcommands.
    let mut at = 0;
    while at < pages.len() {
        let (above, command) = &pages[at];
        let below = command.get_subcommands().filter(|command| command.get_name() != "help").map(|command| {
            let name = format!("{above}-{}", command.get_name());
            (name.clone(), command.clone().name(leak(name)))
        });
        let below: Vec<_> = below.collect();
        pages.extend(below);
        at += 1;
    }
    let Some(folder) = arguments.folder else {
        let all: String = pages.into_iter().map(|(_, command)| page(command)).collect();
        return render::write_out(&all);
    };
    for (name, command) in pages {
        let path = folder.join(format!("{name}.1"));
        std::fs::write(&path, page(command)).map_err(|reason| {
            let reason = render::plain_reason(&reason);
            render::error(&format!("cannot write `{}`: {reason}", path.display()), None);
            Status::NO_OUTPUT
        })?;
    }
    Ok(())
}

/// Names of commands live as long as the process.
fn leak(name: String) -> &'static str {
    Box::leak(name.into_boxed_str())
}

/// One page.
fn page(command: Command) -> String {
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let has_subcommands = command.has_subcommands();
    let man = Man::new(command);
    let mut page = Vec::new();
    let written: io::Result<()> = (|| {
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        man.render_options_section(&mut page)?;
        if has_subcommands {
            man.render_subcommands_section(&mut page)?;
        }
        Ok(())
    })();
    debug_assert!(written.is_ok(), "memory takes all that is written");
    let mut page = String::from_utf8_lossy(&page).into_owned();
    // Examples and tables stand as they were written. A heading is a line of its own that starts at the left and ends
    // with a colon; what comes before the first are notes.
    if after.lines().next().is_some_and(|first| !first.ends_with(':')) {
        page.push_str(".SH NOTES\n.nf\n");
    }
    for line in after.lines() {
        match line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
            Some(heading) => {
                let _ = write!(page, ".SH \"{}\"\n.nf\n", heading.to_uppercase());
            }
            None => {
                let _ = writeln!(page, "{}", escape(line));
            }
        }
    }
    page
}

/// A line as roff shows it unchanged.
fn escape(line: &str) -> String {
    let escaped = line.replace('\\', "\\e").replace('-', "\\-").replace('`', "\\`").replace('\'', "\\(aq");
    if escaped.starts_with('.') { format!("\\&{escaped}") } else { escaped }
}
