//! Turns a library's error into a message that names the flag to try. Libraries do not know the flags.

use std::io::ErrorKind;

use simbias_audit::AuditError;
use simbias_checkpoint::{CheckpointError, FileError};
use simbias_claims::ClaimError;
use simbias_data::synth::SynthError;
use simbias_data::{DataError, ScorerError, UnusableColumn, UnusableKind};
use simbias_dynamics::DynamicsError;
use simbias_language::LanguageError;
use simbias_nn::NnError;
use simbias_onnx::OnnxError;
use simbias_reliance::RelianceError;
use simbias_report::Interrupted;
use simbias_run::RunError;
use simbias_spectra::SpectraError;
use simbias_train::TrainError;
use simbias_train::attack::AttackError;

use super::{Failure, nearby};

const OTHER_CLASSES: &str = "if the rows lack some of the model's classes, name all of them in the model's order: \
     --classes a,b,c; otherwise check that --model and --labels belong together";

fn with(error: &dyn std::error::Error, hint: Option<&str>) -> Failure {
    let failure = Failure::input(error.to_string());
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

impl From<Interrupted> for Failure {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let hint = match &error {
            RunError::Taken { .. } => {
                Some("results are never overwritten: give --out a new name, or remove the old one")
            }
            RunError::NoName { .. } => Some("give --out a new directory"),
            RunError::NoPlace { .. } => Some("choose another place with --out"),
            RunError::OtherColumns { .. } => {
                Some("read the data as in the run that trained it (--image-size, --drop, --strata)")
            }
            RunError::OtherClasses { .. } => Some(
                "if they mean the same, name the labels in the order of the model's outputs: --classes a,b,c; otherwise check \
                 that --model and --labels belong together",
            ),
            RunError::NoReport { .. } => Some(
                "give the directory of a run, or a file in it; `simbias runs` lists those in runs/, --in DIR looks elsewhere",
            ),
            RunError::Plan { .. } => {
                Some("give --plan the directory that `simbias reliance plan` wrote")
            }
            other => other.hint(),
        };
        let failure = with(&error, hint);
        match error {
            RunError::Interrupted(interrupted) => interrupted.into(),
            RunError::Onnx { path, source } => Self::from(*source).about(&path),
            RunError::Checkpoint(error) => {
                let is_file = matches!(error, TrainError::File { .. });
                let failure = Self::from(error);
                if is_file {
                    failure.hint("--resume takes the DIR.checkpoint beside an interrupted run")
                } else {
                    failure
                }
            }
            RunError::Data(error) => error.into(),
            RunError::Reliance(error) => error.into(),
            _ => failure,
        }
    }
}

impl From<SpectraError> for Failure {
    fn from(error: SpectraError) -> Self {
        let hint = match &error {
            SpectraError::Checkpoint(_) => Some(
                "give .safetensors, its index, a folder of shards, a PyTorch file with a state dict, .npz, .npy or .gguf",
            ),
            SpectraError::NoLayers { .. } => Some("check --include and --exclude"),
            SpectraError::Infeasible { .. } => Some("lower --target"),
            _ => None,
        };
        with(&error, hint)
    }
}

impl From<DynamicsError> for Failure {
    fn from(error: DynamicsError) -> Self {
        let hint = match &error {
            DynamicsError::NotFinite { what: "the outputs", .. } => {
                Some("--drop-nonfinite leaves such examples alone")
            }
            DynamicsError::OneColumn { .. } => Some("--binary takes one logit of two classes"),
            DynamicsError::TooFew { what: "examples", .. } => Some("--top lists fewer"),
            _ => None,
        };
        match error {
            DynamicsError::Data(error) => error.into(),
            DynamicsError::Interrupted => Self::Interrupted,
            other => with(&other, hint),
        }
    }
}

impl From<LanguageError> for Failure {
    fn from(error: LanguageError) -> Self {
        match error {
            LanguageError::Interrupted(interrupted) => interrupted.into(),
            LanguageError::Checkpoint(error) => error.into(),
            LanguageError::Spectra(error) => error.into(),
            LanguageError::Network(error) => error.into(),
            LanguageError::Tokenizer { .. } => with(
                &error,
                Some(
                    "give the model's tokenizer with --tokenizer tokenizer.json, or tokens as .npy",
                ),
            ),
            LanguageError::Option { option: "calibration", .. } => {
                with(&error, Some("give --calibration TEXT"))
            }
            other => with(&other, None),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        with(&error, file_hint(&error).as_deref())
    }
}

fn file_hint(error: &FileError) -> Option<String> {
    match error {
        FileError::Io { file, source, .. } if source.kind() == ErrorKind::NotFound => {
            Some(nearby::hint(file))
        }
        _ => None,
    }
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        let hint = match &error {
            CheckpointError::File(error) => file_hint(error),
            _ => None,
        };
        with(&error, hint.as_deref())
    }
}

/// The flag that decides otherwise than a remark on the data says.
pub(super) fn flag_for(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "task" => "--task classes or --task values",
        "row-index" => "--keep NAME",
        "words-as-values" => "--missing-values WORD,…",
        "header" => "--no-header",
        "class-names" => "--classes NAMES",
        "decimal-comma" | "number-format" => "--decimal-mark",
        "dates" => "--as-text NAME keeps them as texts",
        _ => return None,
    })
}

/// The flags that leave columns out, ready to be copied, and what else helps.
fn unusable_hint(columns: &[UnusableColumn]) -> String {
    let names: Vec<String> = columns
        .iter()
        .map(|column| match column.name.contains([',', '"']) {
            true => format!("\"{}\"", column.name.replace('"', "\"\"")),
            false => column.name.clone(),
        })
        .collect();
    let mut hint = format!(
        "--drop {} leaves {} out; --drop-unusable leaves out all such columns",
        quoted_for_shell(&names.join(",")),
        if columns.len() == 1 { "it" } else { "them" },
    );
    let others = [
        (UnusableKind::DecimalMark, "--decimal-mark point or comma says what the mark means"),
        (
            UnusableKind::DateOrder,
            "--date-order day-first or month-first says how dates are written",
        ),
        (
            UnusableKind::Mixed,
            "--missing-values WORD,… says which texts mean missing (besides empty cells), --as-text NAME keeps a column \
             as texts",
        ),
        (UnusableKind::Identifier, "--as-text NAME with --max-categories N allows more texts"),
    ];
    for (kind, words) in others {
        if columns.iter().any(|column| column.kind == kind) {
            hint.push_str("; ");
            hint.push_str(words);
        }
    }
    hint
}

fn quoted_for_shell(word: &str) -> String {
    let is_harmless = |c: char| c.is_alphanumeric() || "-_./:,+@%".contains(c);
    if word.chars().all(is_harmless) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Whether most names of columns are numbers, as they are when a row was read as the header.
fn look_like_cells(names: &[String]) -> bool {
    let n_numbers = names.iter().filter(|name| name.parse::<f64>().is_ok()).count();
    n_numbers * 2 > names.len()
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        let made = match &error {
            DataError::Unusable { columns, .. } => Some(unusable_hint(columns)),
            DataError::File(error) => file_hint(error),
            _ => None,
        };
        if let Some(hint) = made {
            return Self::input(error.to_string()).hint(hint);
        }
        let hint = match &error {
            DataError::NoLabels { available, .. } | DataError::NoSuchName { available, .. }
                if look_like_cells(available) =>
            {
                Some(
                    "if the first line is a row of data, say --no-header and name column1, column2, …",
                )
            }
            DataError::DuplicateColumn { name, .. } if name.parse::<f64>().is_ok() => {
                Some("if the first line is a row of data, say --no-header")
            }
            DataError::Option { problem, .. } if problem.contains("decimals or thousands") => {
                Some("--decimal-mark point or comma says what the mark means")
            }
            DataError::ClassesOrValues { .. } => Some(
                "--task values predicts numbers, --task classes takes every number for a class; --label-threshold T \
                 makes two classes",
            ),
            DataError::NoLabels { .. } | DataError::LabelCount { .. } => {
                Some("--labels takes a column, an array of the same file, or a separate file")
            }
            DataError::NoSuchName { role, .. } if role.starts_with("label") => {
                Some("choose the label with --labels NAME")
            }
            DataError::NoSuchName { role, .. } if role.starts_with("stratum") => {
                Some("choose strata with --strata NAME")
            }
            DataError::NoSuchName { role, .. } if role.starts_with("image") => {
                Some("choose the column with --image-column NAME")
            }
            DataError::MissingValue { .. } => Some(
                "--missing drop leaves such rows out, --missing mean fills them, --missing indicate also marks them, --missing keep hands them to a model that takes them, --drop \
                 leaves a column out",
            ),
            DataError::NotFinite { .. } => Some("--drop COLUMN leaves the column out"),
            DataError::ImageSize { .. } => Some("--image-size HEIGHTxWIDTH resizes all images"),
            DataError::BadLabel { .. } => Some(
                "--labels chooses another label, --label-threshold T makes two classes of a number",
            ),
            DataError::TooFewRows { .. } => Some("check --data and --max-rows"),
            DataError::Unlike { problem, .. } if problem.contains("among the classes") => {
                Some("--classes takes all classes of the model, in the order of its outputs")
            }
            DataError::Option { problem, .. } if problem.contains("more categories") => {
                Some("--drop COLUMN leaves the column out")
            }
            _ => None,
        };
        with(&error, hint)
    }
}

impl From<RelianceError> for Failure {
    fn from(error: RelianceError) -> Self {
        let hint = match &error {
            RelianceError::Interrupted(interrupted) => return (*interrupted).into(),
            RelianceError::Overlap { .. } => {
                Some("--allow-overlap measures blocks that share coordinates")
            }
            RelianceError::OneClass { .. } => {
                Some("check --labels and --data; --label-threshold T makes two classes of a number")
            }
            RelianceError::NoBlocks
            | RelianceError::EmptyBlock { .. }
            | RelianceError::RepeatedName { .. }
            | RelianceError::ReservedName { .. }
            | RelianceError::ColumnOutOfRange { .. }
            | RelianceError::UnknownColumn { .. }
            | RelianceError::BadSelection { .. }
            | RelianceError::BlockFile { .. } => Some(
                "--blocks takes a TOML file or a short form: grid:3x3, bands:4, correlation:0.7, \
                 columns, name=0,3..7;other=8..12; --region takes name=ROWS,COLUMNS of images, such as logo=0..8,20..28",
            ),
            RelianceError::RoundTrip { .. } | RelianceError::Transform { .. } => {
                Some("see [transform] in the file given with --blocks")
            }
            RelianceError::TooFewRows { .. } => Some("check --data and --max-rows"),
            RelianceError::TargetKind { .. } => {
                Some("choose another --metric or --mode, or read the labels as --task classes")
            }
            RelianceError::NotFiniteInput { value, .. } if value.is_nan() => Some(
                "--missing mean or indicate fills missing cells, --missing drop leaves out rows; --missing keep is for \
                 `reliance run` with an ONNX model and for `reliance plan`",
            ),
            RelianceError::NotFiniteInput { .. } => {
                Some("--drop COLUMN leaves the column out, --missing drop leaves out rows")
            }
            RelianceError::OutputCount { .. } => Some(OTHER_CLASSES),
            RelianceError::ScoresNeverChanged { .. } => Some(
                "exchange the cells of each job as HOWTO.md shows, or let `reliance plan --materialize` write the rows",
            ),
            RelianceError::NotFiniteScore { .. } => Some(
                "repair a model that overflows on some rows, or leave these rows out of the data",
            ),
            RelianceError::Donors { .. } => Some("choose another --mode, or name --strata"),
            _ => None,
        };
        with(&error, hint)
    }
}

impl From<SynthError> for Failure {
    fn from(error: SynthError) -> Self {
        let hint = match &error {
            SynthError::UnknownPreset { .. } => Some("choose one of these names"),
            SynthError::ShapeMismatch { .. } => Some("--fit pads images to a common size"),
            _ => None,
        };
        with(&error, hint)
    }
}

impl From<OnnxError> for Failure {
    fn from(error: OnnxError) -> Self {
        if let OnnxError::Read { path, cause } = &error
            && cause.kind() == ErrorKind::NotFound
        {
            return with(&error, Some(&nearby::hint(path)));
        }
        let hint = match &error {
            OnnxError::UnknownOutput { .. } | OnnxError::AmbiguousOutput { .. } => {
                Some("choose the output with --model-output NAME")
            }
            OnnxError::NotScores { available, .. } if !available.is_empty() => {
                Some("choose the output with --model-output NAME")
            }
            OnnxError::InputShape { .. } => {
                Some("check that the data belong to the model; --drop leaves columns out")
            }
            other => other.hint(),
        };
        with(&error, hint)
    }
}

impl From<ScorerError> for Failure {
    fn from(error: ScorerError) -> Self {
        with(&error, None)
    }
}

impl From<ClaimError> for Failure {
    fn from(error: ClaimError) -> Self {
        match &error {
            ClaimError::Interrupted { .. } => Self::Interrupted,
            ClaimError::Unknown { .. } => {
                with(&error, Some("`simbias claims list` shows all of them"))
            }
            ClaimError::QuickRun { .. } => with(&error, Some("leave out --quick")),
            _ => with(&error, None),
        }
    }
}

impl From<NnError> for Failure {
    fn from(error: NnError) -> Self {
        with(&error, None)
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        let hint = match &error {
            TrainError::OtherRun { .. } => Some(
                "--resume needs the flags, the seed and the data of the run that was interrupted",
            ),
            TrainError::MissingInput { .. } => Some(
                "--missing mean or indicate fills missing cells, --missing drop leaves out rows",
            ),
            TrainError::Diverged { .. } => {
                Some("try a smaller --learning-rate, or check the scale of the inputs")
            }
            _ => None,
        };
        with(&error, hint)
    }
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Interrupted(interrupted) => interrupted.into(),
            AuditError::Reliance(error) => error.into(),
            AuditError::Train(error) => error.into(),
            AuditError::NoClasses => {
                with(&error, Some("--label-threshold T makes two classes of a number"))
            }
            AuditError::OtherClasses { .. } => with(&error, Some(OTHER_CLASSES)),
            other => with(&other, None),
        }
    }
}

impl From<AttackError> for Failure {
    fn from(error: AttackError) -> Self {
        match error {
            AttackError::Interrupted(interrupted) => interrupted.into(),
            other => with(&other, None),
        }
    }
}
