//! `kiln completions`: what a shell needs to complete the command's words, from the same definitions that parse them.

use crate::Arguments as Root;
use crate::render;
use crate::status::Status;
use clap::CommandFactory;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;
use kiln_ir::op;

const EXAMPLES: &str = "\
Examples:
  kiln completions bash > ~/.local/share/bash-completion/completions/kiln
  kiln completions zsh > ~/.zfunc/_kiln         with ~/.zfunc in $fpath
  kiln completions fish > ~/.config/fish/completions/kiln.fish";

/// Write the completion script of a shell to standard output
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

/// Writes a shell's script.
pub fn completions(arguments: Arguments) -> Result<(), Status> {
    // Parsing leaves operations open, for an explanation of what is meant by a near miss; here they are words to
    // choose from.
    let names: Vec<&'static str> =
        op::all_mnemonics().map(|(name, _, _)| &*Box::leak(name.into_boxed_str())).collect();
    let mut command = Root::command().mut_subcommand("explain", |explain| {
        explain.mut_arg("op", |op| op.value_parser(PossibleValuesParser::new(names)))
    });
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "kiln", &mut script);
    render::write_out(&String::from_utf8_lossy(&script))
}
