//! `simbias claims`: the papers' statements as executable checks, and the ledger of what was found.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;
use simbias_claims::{
    Availability, Claim, Ledger, LedgerEntry, MeasureContext, Scale, Stamp, all, claim, document,
    markdown, select,
};
use simbias_report::Verdict;

use crate::shell::{Answer, Failure, Finished, Shell, print};

/// Where the ledger is kept in the repository.
const LEDGER: &str = "claims/ledger.json";
/// Version of `result.json`.
const RESULT_SCHEMA: &str = "simbias.claims-result/1";
/// Version of what `list --json` and `show --json` print.
const LIST_SCHEMA: &str = "simbias.claims-list/1";

/// What to do with the claims.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// All claims, where they can be checked, and their last verdicts
    #[command(after_help = "Examples:
  simbias claims list
  simbias claims list --json | jq -r '.claims[].id'")]
    List(ListArgs),
    /// One claim: statement, the paper's figure, what is expected, the last run
    #[command(after_help = "Examples:
  simbias claims show P2-C1")]
    Show(ShowArgs),
    /// Check claims and enter what was found into the ledger
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
  simbias claims table --write README.md   replaces what stands between the two markers")]
    Table(TableArgs),
}

/// Which ledger.
#[derive(clap::Args, Debug)]
pub(crate) struct LedgerArgs {
    /// The ledger; claims/ledger.json when not given
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
    /// Repetitions, each with a seed of its own; a verdict takes three or more
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
    fail_on: Vec<VerdictWord>,
    /// Do not enter the outcome into the ledger
    #[arg(long)]
    no_ledger: bool,
    /// New directory for report and result; runs/claims-run-TIME when not given
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    ledger: LedgerArgs,
}

#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum VerdictWord {
    Inconclusive,
    DoesNotHold,
    NotRun,
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

impl Command {
    /// Runs the command.
    pub(super) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        match self {
            Self::List(arguments) => arguments.run(shell),
            Self::Show(arguments) => arguments.run(shell),
            Self::Run(arguments) => arguments.run(shell),
            Self::Table(arguments) => arguments.run(shell),
        }
    }
}

impl LedgerArgs {
    fn path(&self) -> &Path {
        self.ledger.as_deref().unwrap_or(Path::new(LEDGER))
    }

    /// The ledger if its file is there.
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

    /// The ledger that must be there.
    fn read(&self) -> Result<Ledger, Failure> {
        self.existing()?.ok_or_else(|| {
            Failure::input(format!("there is no ledger {:?}", self.path())).hint(
                "call it from the root of the repository, or name the file with --ledger; \
                 `simbias claims run` starts a new one",
            )
        })
    }

    /// The ledger; an empty one where nobody named a file and the usual one is not there.
    fn read_if_named(&self) -> Result<Ledger, Failure> {
        if self.ledger.is_some() { self.read() } else { self.read_or_new() }
    }

    /// The ledger; an empty one where the file is not there yet.
    fn read_or_new(&self) -> Result<Ledger, Failure> {
        Ok(self.existing()?.unwrap_or_default())
    }

    fn write(&self, ledger: &Ledger) -> Result<(), Failure> {
        let path = self.path();
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| {
                Failure::input(format!("cannot make the folder {folder:?}: {error}"))
            })?;
        }
        write_text(path, &ledger.to_json())
    }
}

fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    Ok(simbias_data::write_whole(path, |writer| writer.write_all(text.as_bytes()))?)
}

impl ListArgs {
    fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let ledger = self.ledger.read_if_named()?;
        if shell.wants_json() {
            let claims: Vec<_> = all().map(|claim| description(claim, &ledger)).collect();
            shell.print_json(&json!({ "schema": LIST_SCHEMA, "claims": claims }))?;
            return Ok(Finished::Done);
        }
        let mut text = String::new();
        for claim in all() {
            let scales: Vec<String> = Scale::ALL
                .into_iter()
                .map(|scale| format!("{scale} {}", state(claim, scale, &ledger)))
                .collect();
            text.push_str(&format!(
                "{:<8} {}\n         {}\n",
                claim.id,
                claim.title,
                scales.join(" · ")
            ));
        }
        print(&text)?;
        Ok(Finished::Done)
    }
}

/// The last verdict at a scale, or what could be done there.
fn state(claim: &Claim, scale: Scale, ledger: &Ledger) -> String {
    match (ledger.entry(claim.id, scale), claim.availability(scale)) {
        (Some(entry), _) if entry.verdict != Verdict::NotRun => {
            format!("{} ({})", entry.verdict, entry.stamp.date)
        }
        (_, Availability::Runnable { minutes }) => match claim.measure_at(scale) {
            Ok(_) => format!("not run (about {minutes} min)"),
            Err(reason) => format!("not run ({reason})"),
        },
        (_, Availability::Needs(what)) => format!("not run (needs {what})"),
        (_, Availability::NotPlanned) => "-".into(),
    }
}

fn description(claim: &Claim, ledger: &Ledger) -> serde_json::Value {
    let scales: Vec<_> = Scale::ALL
        .into_iter()
        .map(|scale| {
            json!({
                "scale": scale.word(),
                "can_run": claim.measure_at(scale).is_ok(),
                "obstacle": claim.measure_at(scale).err(),
                "last": ledger.entry(claim.id, scale),
            })
        })
        .collect();
    let criteria: Vec<_> = claim
        .criteria
        .iter()
        .map(|criterion| {
            json!({
                "name": criterion.name,
                "expected": criterion.expectation.to_string(),
                "unit": criterion.unit,
                "note": criterion.note,
            })
        })
        .collect();
    json!({
        "id": claim.id,
        "paper": claim.paper.number,
        "title": claim.title,
        "statement": claim.statement,
        "paper_figure": claim.paper_figure,
        "reference": claim.reference,
        "criteria": criteria,
        "scales": scales,
    })
}

impl ShowArgs {
    fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let claim = claim(&self.id).ok_or_else(|| {
            Failure::input(format!("there is no claim {:?}", self.id))
                .hint("`simbias claims list` shows all of them")
        })?;
        let ledger = self.ledger.read_if_named()?;
        if shell.wants_json() {
            shell.print_json(
                &json!({ "schema": LIST_SCHEMA, "claims": [description(claim, &ledger)] }),
            )?;
        } else {
            print(&explanation(claim, &ledger))?;
        }
        Ok(Finished::Done)
    }
}

fn explanation(claim: &Claim, ledger: &Ledger) -> String {
    let mut text = format!(
        "{} · {}\n\n{}.\n\nThe paper: {} ({}).\n{}: {}\n\nExpected, written before any run:\n",
        claim.id,
        claim.title,
        claim.statement,
        claim.paper_figure,
        claim.reference,
        claim.paper.title,
        claim.paper.reference,
    );
    for criterion in claim.criteria {
        let unit = if criterion.unit.is_empty() { "" } else { " " };
        text.push_str(&format!(
            "  {} {}{unit}{}\n",
            criterion.name, criterion.expectation, criterion.unit
        ));
        if !criterion.note.is_empty() {
            text.push_str(&format!("      {}\n", criterion.note));
        }
    }
    text.push_str("\nState:\n");
    for scale in Scale::ALL {
        text.push_str(&format!("  {:<5}{}\n", scale.word(), state(claim, scale, ledger)));
        if let Some(entry) = ledger.entry(claim.id, scale) {
            text.push_str(&last_run(entry));
        }
    }
    text
}

fn last_run(entry: &LedgerEntry) -> String {
    let number = |value: Option<f64>| {
        value.map_or_else(|| "?".into(), |value| simbias_report::format::number(value, 4))
    };
    let mut text = String::new();
    for criterion in &entry.criteria {
        text.push_str(&format!(
            "       {}: {} [{}, {}] over {} seeds → {}\n",
            criterion.name,
            number(criterion.mean),
            number(criterion.low),
            number(criterion.high),
            criterion.values.len(),
            criterion.verdict,
        ));
    }
    text
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
        // Read first: hours of work must not end in a ledger that cannot be written.
        let mut ledger = self.ledger.read_or_new()?;
        let run = shell.open_run(self.out.as_deref())?;
        let progress = shell.progress("claims");
        let mut outcomes = Vec::new();
        let mut entries = Vec::new();
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
            entries.push(LedgerEntry::new(&outcome, stamp.clone()));
            if !self.quick && !self.no_ledger {
                // Kept after every claim: an interrupted run keeps what it found.
                ledger.record(&outcome, stamp)?;
                self.ledger.write(&ledger)?;
            }
            outcomes.push(outcome);
        }
        drop(progress);
        let is_bad = outcomes.iter().any(|outcome| self.is_bad(outcome.verdict));
        let answer = Answer {
            report: document(&outcomes),
            result: json!({ "schema": RESULT_SCHEMA, "quick": self.quick, "entries": entries }),
            inputs: Vec::new(),
        };
        shell.close_run(run, answer)?;
        Ok(if is_bad { Finished::BadVerdict } else { Finished::Done })
    }

    fn is_bad(&self, verdict: Verdict) -> bool {
        let word = match verdict {
            Verdict::Holds => return false,
            Verdict::Inconclusive => VerdictWord::Inconclusive,
            Verdict::DoesNotHold => VerdictWord::DoesNotHold,
            Verdict::NotRun => VerdictWord::NotRun,
        };
        self.fail_on.contains(&word)
    }
}

impl TableArgs {
    fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let ledger = self.ledger.read()?;
        let table = markdown::table(&ledger);
        match &self.write {
            None if shell.wants_json() => print(&ledger.to_json())?,
            None => print(&table)?,
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
