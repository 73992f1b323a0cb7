//! `simbias claims`: the papers' statements as executable checks, and the ledger of what was found.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use simbias_claims::pages::pages;
use simbias_claims::{
    ClaimList, ClaimsAnswer, Ledger, LedgerEntry, MeasureContext, Scale, Stamp, all, claim,
    explanation, list, markdown, select,
};

use super::arguments::OutArgs;
use super::verdict::ClaimWord;
use crate::shell::{Failure, Finished, Shell};

/// Where a user's own runs are kept.
const LEDGER: &str = "claims/ledger.json";

/// What to do with the claims.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// All claims, where they can be checked, and their last verdicts
    #[command(after_help = "Examples:
  simbias claims list
  simbias claims list --full
  simbias claims list --json | jq -r '.claims[].id'")]
    List(ListArgs),
    /// One claim: statement, the paper's figure, what is expected, the last run
    #[command(after_help = "Examples:
  simbias claims show P2-C1")]
    Show(ShowArgs),
    /// Check claims and enter the results into your own ledger
    #[command(after_help = "Examples:
  simbias claims run P2-C1
  simbias claims run 02 --seeds 5 --threads 2
  simbias claims run P2-C5,P2-C11 --quick          see that the code runs; nothing is judged
  simbias claims run P2-C5 --scale gpu --device cuda --data data/
  simbias claims run all --fail-on does-not-hold   exit code 1 if a claim fails")]
    Run(RunArgs),
    /// The ledger as a Markdown table
    #[command(after_help = "Examples:
  simbias claims table
  simbias claims table --write docs/claims.md   replaces the text between the two markers")]
    Table(TableArgs),
    /// The ledger as pages of a documentation site: an overview, a page for each paper, a feed of changed verdicts
    #[command(after_help = "Examples:
  simbias claims pages --out docs/papers
  simbias claims pages --ledger claims/ledger.json --out pages   with your own runs")]
    Pages(PagesArgs),
}

/// Which ledger.
#[derive(clap::Args, Debug)]
pub(crate) struct LedgerArgs {
    /// Your own ledger; claims/ledger.json when not given
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

/// Flags of `claims list`.
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
}

/// Flags of `claims show`.
#[derive(clap::Args, Debug)]
pub(crate) struct ShowArgs {
    /// Id, such as P2-C1
    id: String,
    #[command(flatten)]
    ledger: LedgerArgs,
}

/// Flags of `claims run`.
#[derive(clap::Args, Debug)]
pub(crate) struct RunArgs {
    /// Ids (P2-C1), papers (02, pitfalls) or all
    #[arg(required = true, value_name = "CLAIM")]
    claims: Vec<String>,
    /// How large the checks are: cpu (two cores, minutes), gpu (one accelerator) or full (the paper's own size)
    #[arg(long, value_name = "SCALE", default_value = "cpu")]
    scale: String,
    /// Repetitions, each with its own seed; a verdict needs three or more
    #[arg(long, value_name = "N", default_value_t = 3)]
    seeds: usize,
    /// Folder with your copies of the data that claims at gpu and full scale ask for: mnist/ with the IDX files,
    /// cifar10/ with the binary version; $SIMBIAS_DATA when not given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Reduced sizes, to see that the code runs; nothing is judged or entered into the ledger
    #[arg(long)]
    quick: bool,
    /// Exit with code 1 if a claim has this verdict; repeat, or separate by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "VERDICT")]
    fail_on: Vec<ClaimWord>,
    /// Do not enter the outcome into the ledger
    #[arg(long)]
    no_ledger: bool,
    #[command(flatten)]
    out: OutArgs,
    #[command(flatten)]
    ledger: LedgerArgs,
}

/// Flags of `claims table`.
#[derive(clap::Args, Debug)]
pub(crate) struct TableArgs {
    /// Put the table into this document, between its two markers
    #[arg(long, value_name = "FILE.md")]
    write: Option<PathBuf>,
    #[command(flatten)]
    ledger: LedgerArgs,
}

/// Flags of `claims pages`.
#[derive(clap::Args, Debug)]
pub(crate) struct PagesArgs {
    /// Folder for the pages; files of the same names are replaced, others stay
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    ledger: LedgerArgs,
}

impl Command {
    /// Runs the command.
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        match self {
            Self::List(arguments) => arguments.run(shell),
            Self::Show(arguments) => arguments.run(shell),
            Self::Run(arguments) => arguments.run(shell),
            Self::Table(arguments) => arguments.run(shell),
            Self::Pages(arguments) => arguments.run(shell),
        }
    }
}

impl LedgerArgs {
    fn path(&self) -> &Path {
        self.ledger.as_deref().unwrap_or(Path::new(LEDGER))
    }

    /// The ledger, if its file exists.
    fn existing(&self) -> Result<Option<Ledger>, Failure> {
        let path = self.path();
        match std::fs::read_to_string(path) {
            Ok(text) => Ledger::from_json(&text).map(Some).map_err(|error| {
                Failure::input(format!("{path:?}: {error}")).hint("give another file with --ledger")
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::input(format!("cannot read {path:?}: {error}"))
                .hint("give another file with --ledger")),
        }
    }

    /// What is known about every claim: the ledger that comes with the program, with the user's own runs before it.
    fn read_known(&self) -> Result<Ledger, Failure> {
        let own = self.existing()?;
        if let (None, Some(path)) = (&own, &self.ledger) {
            return Err(Failure::input(format!("there is no ledger {path:?}"))
                .hint("name another file with --ledger; `simbias claims run` starts a new one"));
        }
        Ok(Ledger::with_own(own.unwrap_or_default()))
    }

    /// What is published: the release's ledger. Own runs that happen to lie here must be asked for.
    fn read_published(&self) -> Result<Ledger, Failure> {
        match self.ledger {
            Some(_) => self.read_known(),
            None => Ok(Ledger::with_own(Ledger::default())),
        }
    }

    /// The user's own ledger; empty if its file does not exist yet.
    fn read_or_new(&self) -> Result<Ledger, Failure> {
        Ok(self.existing()?.unwrap_or_default())
    }

    fn write(&self, ledger: &Ledger) -> Result<(), Failure> {
        let path = self.path();
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_folder(folder)?;
        }
        write_text(path, &ledger.to_json())
    }
}

fn make_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Failure::input(format!("cannot make the folder {folder:?}: {error}")))
}

fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    Ok(simbias_data::write_whole(path, |writer| writer.write_all(text.as_bytes()))?)
}

impl ListArgs {
    fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let ledger = self.ledger.read_known()?;
        if shell.wants_json() {
            shell.print_json(&ClaimList::new(all(), &ledger))?;
        } else {
            shell.print_listing(&list(&ledger))?;
        }
        Ok(Finished::Done)
    }
}

impl ShowArgs {
    fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let claim = claim(&self.id).ok_or_else(|| {
            Failure::input(format!("there is no claim {:?}", self.id))
                .hint("`simbias claims list` shows all of them")
        })?;
        let ledger = self.ledger.read_known()?;
        if shell.wants_json() {
            shell.print_json(&ClaimList::new([claim], &ledger))?;
        } else {
            shell.print_listing(&explanation(claim, &ledger))?;
        }
        Ok(Finished::Done)
    }
}

impl RunArgs {
    fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let scale: Scale = self.scale.parse()?;
        let claims = select(&self.claims.join(","))?;
        if self.seeds == 0 {
            return Err(
                Failure::input("0 repetitions measure nothing").hint("give --seeds 1 or more")
            );
        }
        if let Some(folder) = self.data.as_ref().filter(|folder| !folder.is_dir()) {
            return Err(Failure::input(format!("there is no folder {folder:?}"))
                .hint("--data takes the folder that holds the folders mnist and cifar10"));
        }
        // Read the ledger first: hours of work must not end with one that cannot be written.
        let mut ledger = self.ledger.read_or_new()?;
        let run = self.out.open(shell)?;
        let progress = shell.progress("claims");
        let mut answer = ClaimsAnswer::new(self.quick);
        for claim in claims {
            progress.begin(claim.id);
            let started = shell.elapsed_seconds();
            let mut context =
                MeasureContext::new(scale, shell.seed().value(), self.seeds, &progress);
            context.quick = self.quick;
            context.device = shell.device().into();
            context.data_folder = self.data.clone();
            let outcome = simbias_claims::run(claim, &mut context)?;
            let stamp = Stamp {
                date: shell.date(),
                version: env!("CARGO_PKG_VERSION").into(),
                device: shell.device().into(),
                threads: shell.threads(),
                wall_seconds: shell.elapsed_seconds() - started,
            };
            shell.note(&format!("{}: {}", claim.id, outcome.verdict));
            let entry = LedgerEntry::new(&outcome, stamp.clone());
            if !self.quick && !self.no_ledger {
                // Written after every claim, so that an interrupted run keeps its results.
                ledger.record(&outcome, stamp)?;
                self.ledger.write(&ledger)?;
            }
            answer.add(outcome, entry);
        }
        drop(progress);
        let is_bad = answer
            .outcomes()
            .iter()
            .any(|outcome| self.fail_on.contains(&ClaimWord(outcome.verdict)));
        shell.close_run(run, &answer, Vec::new())?;
        Ok(if is_bad { Finished::BadVerdict } else { Finished::Done })
    }
}

impl TableArgs {
    fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let ledger = self.ledger.read_published()?;
        let table = markdown::table(&ledger);
        match &self.write {
            None if shell.wants_json() => shell.print(&ledger.to_json())?,
            None => shell.print(&table)?,
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Failure::input(format!("cannot read {path:?}: {error}")))?;
                write_text(path, &markdown::replace_section(&text, &table)?)?;
                shell.note(&format!("table written to {}", path.display()));
            }
        }
        Ok(Finished::Done)
    }
}

impl PagesArgs {
    fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let pages = pages(&self.ledger.read_published()?);
        make_folder(&self.out)?;
        for page in &pages {
            write_text(&self.out.join(&page.name), &page.text)?;
        }
        shell.note(&format!("{} pages written to {}", pages.len(), self.out.display()));
        Ok(Finished::Done)
    }
}
