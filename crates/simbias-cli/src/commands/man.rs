//! `simbias man`: a page of the manual for every command.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use simbias_data::write_whole;

use super::Cli;
use crate::shell::{Failure, Finished, Shell};

/// Write a manual page for every command: simbias.1, simbias-audit.1 and so on.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias man --out ~/.local/share/man/man1      then: man simbias-audit
  simbias man --out man && man man/simbias.1")]
pub(crate) struct ManArgs {
    /// Folder for the pages; pages of an earlier version are replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl ManArgs {
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        std::fs::create_dir_all(&self.out).map_err(|error| {
            Failure::input(format!("cannot make the folder {:?}: {error}", self.out))
                .hint("choose another place with --out")
        })?;
        let mut command = Cli::command().disable_help_subcommand(true);
        command.build();
        let n_pages = write_pages(&command, &self.out)?;
        shell.note(&format!("{n_pages} pages: {}", self.out.display()));
        Ok(Finished::Done)
    }
}

/// The page of `command` and those of its commands; returns how many.
fn write_pages(command: &Command, folder: &Path) -> Result<usize, Failure> {
    let man = Man::new(command.clone());
    write_whole(&folder.join(man.get_filename()), |out| man.render(out))?;
    let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set());
    inner.map(|inner| write_pages(inner, folder)).sum::<Result<usize, Failure>>().map(|n| n + 1)
}
