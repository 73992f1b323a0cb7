//! `simbias completions`: what a shell needs to complete commands and flags.

use clap::CommandFactory;
use clap_complete::generate;

use super::Cli;
use crate::shell::{Failure, Finished, Shell};

/// Print the completions of commands, flags and their values for a shell.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias completions bash > ~/.local/share/bash-completion/completions/simbias
  simbias completions zsh > ~/.zfunc/_simbias        with fpath+=~/.zfunc before compinit in ~/.zshrc
  simbias completions fish > ~/.config/fish/completions/simbias.fish
  simbias completions powershell >> $PROFILE")]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    shell: clap_complete::Shell,
}

impl CompletionsArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let mut text = Vec::new();
        generate(self.shell, &mut Cli::command(), "simbias", &mut text);
        shell.print(&String::from_utf8_lossy(&text))?;
        Ok(Finished::Done)
    }
}
