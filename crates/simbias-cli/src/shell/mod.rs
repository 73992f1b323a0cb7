//! What all commands share: the flags that every command takes, run directories, progress, errors, Ctrl-C.

pub(crate) mod browser;
pub(crate) mod config;
mod failure;
mod hints;
mod interrupt;
mod invocation;
mod nearby;
mod onnx_runtime;
mod output;
pub(crate) mod panics;
mod progress;
mod standard_input;

use std::cell::{Cell, OnceCell, RefCell};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use serde::Serialize;
use simbias_data::read::Source;
use simbias_report::{Answer, Caveat, InputFingerprint, Provenance};
use simbias_run::{
    Clock, Ending, Invocation, ModelSource, RunDirectory, RuntimePlaces, TrainingCheckpoint,
    find_onnx_runtime,
};
use simbias_stats::Seed;

pub use failure::{Failure, Finished};
pub(crate) use output::say;
pub(crate) use progress::ProgressDisplay;
use progress::Talk;

use crate::host::Host;
use interrupt::{Interrupt, is_ending};
use standard_input::StandardInput;

/// Flags of every command.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct GlobalArgs {
    /// Root of all randomness: the same seed gives the same result, whatever the number of threads
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value_t = 0,
        help_heading = "Common options"
    )]
    pub(crate) seed: u64,
    /// Device to train on: cpu, cuda, cuda:INDEX, vulkan or vulkan:INDEX (if this build supports it)
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        default_value = "cpu",
        help_heading = "Common options"
    )]
    pub(crate) device: String,
    /// Threads to compute with; all cores when not given
    #[arg(long, global = true, value_name = "N", value_parser = n_threads, help_heading = "Common options")]
    pub(crate) threads: Option<usize>,
    /// Print the result as JSON on standard output instead of the summary
    #[arg(long, global = true, help_heading = "Common options")]
    pub(crate) json: bool,
    /// Print the whole report as text; the summary has at most 25 lines without this flag
    #[arg(long, global = true, help_heading = "Common options")]
    pub(crate) full: bool,
    /// Print neither summary nor progress, only where the report lies
    #[arg(long, short, global = true, help_heading = "Common options")]
    pub(crate) quiet: bool,
    /// Say more on the way: what was read and decided, and how long each stage took
    #[arg(long, short, global = true, conflicts_with = "quiet", help_heading = "Common options")]
    pub(crate) verbose: bool,
    /// TOML file with the same keys as the flags; flags win over it
    #[arg(long, global = true, value_name = "FILE.toml", help_heading = "Common options")]
    pub(crate) config: Option<PathBuf>,
}

/// Largest number of threads: more than any machine has cores, and few enough to start.
const MOST_THREADS: usize = 1024;

fn n_threads(text: &str) -> Result<usize, String> {
    at_least_one(text).and_then(|number| match number {
        ..=MOST_THREADS => Ok(number),
        _ => Err(format!("give at most {MOST_THREADS}")),
    })
}

/// Threads that cannot be started.
pub(crate) fn too_many_threads(threads: usize, error: &rayon::ThreadPoolBuildError) -> Failure {
    Failure::input(format!("cannot start {threads} threads: {error}"))
        .hint("give a smaller number with --threads")
}

/// Parses a whole number of at least 1.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("give a whole number, 1 or more".into()),
        Ok(number) => Ok(number),
    }
}

/// What one command has to work with.
pub(crate) struct Shell<'h> {
    global: GlobalArgs,
    /// The program around this command, if it is not the command line.
    host: Option<&'h Host>,
    command_name: String,
    command_line: String,
    /// Settings, and what was decided for the user on the way.
    settings: RefCell<simbias_report::Settings>,
    interrupt: Interrupt,
    clock: Clock,
    /// Whether the command computes on the CPU only.
    only_cpu: Cell<bool>,
    /// What came on standard input, once a command has asked for it.
    standard_input: OnceCell<StandardInput>,
}

/// Ctrl-C ends runs.
impl Ending for Interrupt {
    fn doom(&self, path: &Path) {
        self.doom(path);
    }

    fn spare(&self, path: &Path) {
        self.spare(path);
    }

    fn is_asked(&self) -> bool {
        self.is_asked()
    }

    fn is_ending(&self) -> bool {
        is_ending()
    }
}

impl<'h> Shell<'h> {
    /// Sets up threads and Ctrl-C, and remembers how the command was called.
    pub(crate) fn open(
        global: GlobalArgs,
        command: &clap::Command,
        matches: &ArgMatches,
        words: &[OsString],
        host: Option<&'h Host>,
    ) -> Result<Self, Failure> {
        let clock = Clock::start();
        // A host has given its command a pool of its own.
        if let (Some(threads), None) = (global.threads, host) {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            pool.build_global().map_err(|error| too_many_threads(threads, &error))?;
        }
        let (leaf, leaf_matches, command_name) = config::leaf(command, matches);
        Ok(Self {
            settings: RefCell::new(invocation::settings(leaf, leaf_matches)),
            command_name,
            command_line: match host {
                Some(host) => host.called_as.clone(),
                None => invocation::command_line(words),
            },
            interrupt: match host {
                Some(host) => Interrupt::of_host(host.events.clone()),
                None => Interrupt::listen()?,
            },
            host,
            clock,
            only_cpu: Cell::new(false),
            standard_input: OnceCell::new(),
            global,
        })
    }

    /// Where rows under `path` come from.
    pub(crate) fn source<'a>(&'a self, path: &'a Path) -> Result<Source<'a>, Failure> {
        match self.host {
            Some(host) => Ok(host.source(path)),
            None => self.input(path).map(Source::Path),
        }
    }

    /// Where the model under `path` comes from.
    pub(crate) fn model_source(&self, path: &Path) -> ModelSource {
        self.host.map_or_else(|| path.into(), |host| host.model(path))
    }

    /// The library of an installed ONNX Runtime.
    pub(crate) fn onnx_runtime_library(&self) -> Option<PathBuf> {
        match self.host.and_then(|host| host.onnx_runtime.clone()) {
            Some(known) => find_onnx_runtime(&RuntimePlaces {
                library: Some(known),
                ..RuntimePlaces::default()
            }),
            None => onnx_runtime::onnx_runtime_library(),
        }
    }

    /// Writes data to standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        match self.host {
            Some(host) => {
                host.events.print(text);
                Ok(())
            }
            None => output::print(text),
        }
    }

    /// The root seed.
    pub(crate) fn seed(&self) -> Seed {
        Seed::new(self.global.seed)
    }

    /// Number of threads that work.
    pub(crate) fn threads(&self) -> usize {
        rayon::current_num_threads()
    }

    /// The device that the user named, or the CPU for commands that use only the CPU.
    pub(crate) fn device(&self) -> &str {
        if self.only_cpu.get() { "cpu" } else { &self.global.device }
    }

    /// Says that `--device` changes nothing, if it names a device other than the CPU. For commands without training.
    pub(crate) fn computes_on_cpu(&self) {
        let device = &self.global.device;
        if device != "cpu" {
            self.note(&format!(
                "this command computes on the CPU; --device {device} changes nothing"
            ));
        }
        self.only_cpu.set(true);
    }

    /// Adds what was decided on the way to the settings that a run records.
    pub(crate) fn record(&self, name: &str, value: &str) {
        self.settings.borrow_mut().insert(name.into(), value.into());
    }

    /// Whether results go to standard output as JSON.
    pub(crate) fn wants_json(&self) -> bool {
        self.global.json
    }

    /// Whether everything is printed, whatever its length.
    pub(crate) fn wants_all(&self) -> bool {
        self.global.full
    }

    /// Prints a listing: its first lines, unless the user wants all.
    pub(crate) fn print_listing(&self, text: &str) -> Result<(), Failure> {
        let n_lines = text.lines().count();
        if self.wants_all() || n_lines <= output::MOST_LINES {
            return self.print(text);
        }
        let first: String =
            text.lines().take(output::MOST_LINES).map(|l| format!("{l}\n")).collect();
        self.print(&first)?;
        self.note(&format!("{} more lines: --full prints them", n_lines - output::MOST_LINES));
        Ok(())
    }

    /// `text` cut to the width of the terminal; whole where there is none.
    pub(crate) fn one_line(&self, text: &str) -> String {
        output::one_line(text)
    }

    /// The file that `path` means: itself, or what came on standard input for `-`.
    pub(crate) fn input<'a>(&'a self, path: &'a Path) -> Result<&'a Path, Failure> {
        if !StandardInput::is_meant(path) {
            return Ok(path);
        }
        if let Some(found) = self.standard_input.get() {
            return Ok(found.file());
        }
        let found = StandardInput::read()?;
        self.interrupt.doom(found.folder());
        Ok(self.standard_input.get_or_init(|| found).file())
    }

    /// The bytes of the file that `path` means.
    pub(crate) fn of_file(&self, path: &Path) -> Result<InputFingerprint, Failure> {
        let fingerprint = simbias_run::of_file(self.input(path)?)?;
        Ok(InputFingerprint { name: path.display().to_string(), ..fingerprint })
    }

    /// A failure that calls standard input by the user's name for it.
    pub(crate) fn in_users_words(&self, failure: Failure) -> Failure {
        match self.standard_input.get() {
            Some(found) => failure.rephrased(|message| found.renamed(message)),
            None => failure,
        }
    }

    /// Words about details, on standard error; only under `--verbose`.
    pub(crate) fn detail(&self, words: impl FnOnce() -> String) {
        match self.host {
            _ if !self.global.verbose => {}
            Some(host) => host.events.say(&words()),
            None => say(&words()),
        }
    }

    /// Words for the user, on standard error; nothing under `--quiet`.
    pub(crate) fn note(&self, words: &str) {
        match self.host {
            _ if self.global.quiet => {}
            Some(host) => host.events.say(words),
            None => say(words),
        }
    }

    /// What reading the data decided, on standard error.
    pub(crate) fn caveats(&self, caveats: &[Caveat]) {
        for caveat in caveats {
            let flag = match hints::flag_for(&caveat.kind) {
                Some(flag) => format!(" ({flag})"),
                None => String::new(),
            };
            self.note(&format!("{}: {}{flag}", caveat.severity.word(), caveat.message));
        }
    }

    /// Shows the progress of a long piece of work, and tells it about Ctrl-C.
    pub(crate) fn progress(&self, label: &str) -> ProgressDisplay {
        let interrupt = self.interrupt.clone();
        match self.host {
            Some(host) => ProgressDisplay::of_host(label, host.events.clone(), interrupt),
            None => ProgressDisplay::new(label, self.talk(), interrupt),
        }
    }

    /// Opens the run's directory, before any long work: `out`, or a new name under `runs/`.
    pub(crate) fn open_run(&self, out: Option<&Path>) -> Result<RunDirectory, Failure> {
        let path = match out {
            Some(out) => out.to_path_buf(),
            None => {
                let command = self.command_name.replace(' ', "-");
                Path::new("runs").join(format!("{command}-{}", self.clock.file_stamp()))
            }
        };
        Ok(RunDirectory::create_under(path, Box::new(self.interrupt.clone()))?)
    }

    /// Writes everything into the run's directory, gives it its name and tells the user; `inputs` are what was read.
    pub(crate) fn close_run(
        &self,
        run: RunDirectory,
        answer: &dyn Answer,
        inputs: Vec<InputFingerprint>,
    ) -> Result<(), Failure> {
        let kept = run.keep(answer, self.provenance(inputs))?;
        if self.global.json {
            self.print(&answer.result_json())?;
        } else if !self.global.quiet {
            self.print(&output::summary(&kept.report, self.global.full))?;
        }
        self.detail(|| {
            let provenance = kept.report.provenance.as_ref();
            let [wall, cpu] = provenance
                .map_or([f64::NAN; 2], |found| [found.wall_seconds, found.cpu_seconds])
                .map(simbias_report::format::duration);
            format!(
                "{wall} wall, {cpu} CPU; `simbias open {}` shows the report",
                kept.path.display()
            )
        });
        // Last, where it is found, and even under --quiet: it has a name that nobody chose.
        if self.host.is_none() {
            say(&format!("report: {}", kept.path.join("report.html").display()));
        }
        Ok(())
    }

    /// How much is said on the way.
    fn talk(&self) -> Talk {
        match (self.global.quiet, self.global.verbose) {
            (true, _) => Talk::Nothing,
            (false, true) => Talk::Everything,
            (false, false) => Talk::Usual,
        }
    }

    /// As [`close_run`](Self::close_run) for a command whose answer is files that are already written: adds `run.json`.
    pub(crate) fn close_files(
        &self,
        run: RunDirectory,
        inputs: Vec<InputFingerprint>,
        result: &impl Serialize,
    ) -> Result<PathBuf, Failure> {
        let path = run.keep_files(&self.provenance(inputs))?;
        if self.global.json {
            self.print_json(result)?;
        }
        Ok(path)
    }

    /// Says how to continue if `ended` is an interrupt.
    pub(crate) fn tell_how_to_resume<T>(
        &self,
        checkpoint: &TrainingCheckpoint,
        ended: Result<T, Failure>,
    ) -> Result<T, Failure> {
        if matches!(ended, Err(Failure::Interrupted)) && checkpoint.is_saved() {
            self.note(&format!(
                "the run can be continued: the same command with --resume {}",
                checkpoint.path().display()
            ));
        }
        ended
    }

    /// Ends a command before its output gets its name: nothing appears after Ctrl-C, even if the work did not check.
    pub(crate) fn check_interrupt(&self) -> Result<(), Failure> {
        if self.interrupt.is_asked() { Err(Failure::Interrupted) } else { Ok(()) }
    }

    /// Prints a result for programs.
    pub(crate) fn print_json(&self, result: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(result).map_err(|error| {
            Failure::input(format!("the result cannot be written as JSON: {error}"))
        })?;
        self.print(&format!("{text}\n"))
    }

    /// Wall seconds since the command started.
    pub(crate) fn elapsed_seconds(&self) -> f64 {
        self.clock.wall_seconds()
    }

    /// The day on which the command started, `2026-01-31`, in UTC.
    pub(crate) fn date(&self) -> String {
        self.clock.date()
    }

    fn provenance(&self, inputs: Vec<InputFingerprint>) -> Provenance {
        let called = Invocation {
            command: self.command_line.clone(),
            settings: self.settings.borrow().clone(),
            seed: self.global.seed,
            device: self.device().into(),
        };
        self.clock.provenance(&called, inputs)
    }
}
