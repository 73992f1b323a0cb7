//! Runs that were kept: a list of them, and the report that a user means.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::RunError;

/// A run that was kept in a directory.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeptRun {
    /// The directory.
    pub path: PathBuf,
    /// The command, as it was typed.
    pub command: String,
    /// When it began, `2026-01-31 13:05:09 UTC`.
    pub started: String,
    /// How long it took.
    pub wall_seconds: Option<f64>,
    /// The first sentence of its answer; absent for a run whose answer is files.
    pub headline: Option<String>,
    /// Its page; absent for a run whose answer is files.
    pub report: Option<PathBuf>,
}

/// The page of a run.
const REPORT: &str = "report.html";

/// What `run.json` says.
#[derive(Deserialize)]
struct Record {
    command: String,
    started: String,
    wall_seconds: Option<f64>,
}

/// How `report.json` opens.
#[derive(Deserialize)]
struct Opening {
    title: String,
    summary: Vec<String>,
}

impl KeptRun {
    /// The run in `path`; `None` for other directories.
    fn at(path: PathBuf) -> Option<Self> {
        let Record { command, started, wall_seconds } = read(&path.join("run.json"))?;
        let opening: Option<Opening> = read(&path.join("report.json"));
        let headline = opening.map(|Opening { title, summary }| {
            // An answer without sentences is called by its heading.
            summary.into_iter().next().unwrap_or(title)
        });
        let report = Some(path.join(REPORT)).filter(|page| page.is_file());
        Some(Self { path, command, started, wall_seconds, headline, report })
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_reader(BufReader::new(File::open(path).ok()?)).ok()
}

/// The runs in the directories of `folder`, the newest first. A folder that does not exist holds none.
///
/// # Errors
/// [`RunError::Read`] for a folder that cannot be read.
pub fn kept_runs(folder: &Path) -> Result<Vec<KeptRun>, RunError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(|error| RunError::read(folder, error))?;
    // Runs under way lie in hidden directories.
    let is_hidden = |path: &PathBuf| {
        path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
    };
    let mut runs: Vec<KeptRun> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| !is_hidden(path))
        .filter_map(KeptRun::at)
        .collect();
    runs.sort_by(|a, b| (&b.started, &b.path).cmp(&(&a.started, &a.path)));
    Ok(runs)
}

/// The page that `words` mean: a directory of a run or any file in it, or the name of a run in `folder` or a part of it
/// that no other run's name has. Without words, the page of the newest run in `folder`.
///
/// # Errors
/// [`RunError::NoReport`] if there is none; [`RunError::Read`].
pub fn find_report(words: Option<&Path>, folder: &Path) -> Result<PathBuf, RunError> {
    let none = |problem: String| RunError::NoReport { problem };
    let Some(words) = words else {
        let newest = kept_runs(folder)?.into_iter().find_map(|run| run.report);
        return newest.ok_or_else(|| none(format!("{folder:?} holds no run with a report")));
    };
    let in_directory = |directory: &Path| {
        let page = directory.join(REPORT);
        if page.is_file() {
            Ok(page)
        } else {
            Err(none(format!("{directory:?} holds no {REPORT}")))
        }
    };
    if words.is_dir() {
        return in_directory(words);
    }
    if words.is_file() {
        let is_page = words.extension().is_some_and(|ending| ending == "html");
        let beside = words.parent().unwrap_or(Path::new(""));
        return if is_page { Ok(words.into()) } else { in_directory(beside) };
    }
    if folder.join(words).is_dir() {
        return in_directory(&folder.join(words));
    }
    let part = words.to_string_lossy();
    let name = |run: &KeptRun| run.path.file_name().map(|name| name.to_string_lossy().into_owned());
    let mut runs = kept_runs(folder)?;
    runs.retain(|run| name(run).is_some_and(|name| name.contains(&*part)));
    match runs.as_slice() {
        [only] => in_directory(&only.path),
        [] => Err(none(format!("there is no {words:?}, and no run of that name in {folder:?}"))),
        several => {
            let names: Vec<String> = several.iter().filter_map(name).take(5).collect();
            Err(none(format!(
                "{} runs in {folder:?} have {part:?} in their names, such as {}",
                several.len(),
                names.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with runs of the days 1 to `n`; the last one has no report.
    fn folder(n: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for day in 1..=n {
            let run = folder.path().join(format!("audit-{day}"));
            fs::create_dir(&run).unwrap();
            let record = format!(
                "{{\"schema\":\"simbias.run/1\",\"command\":\"simbias audit\",\"started\":\"2026-01-0{day}\",\
                 \"wall_seconds\":1.5,\"settings\":{{}}}}"
            );
            fs::write(run.join("run.json"), record).unwrap();
            if day < n {
                fs::write(run.join(REPORT), "<html>").unwrap();
                let summary = format!("{{\"title\":\"T\",\"summary\":[\"Day {day}.\",\"More.\"]}}");
                fs::write(run.join("report.json"), summary).unwrap();
            }
        }
        fs::create_dir(folder.path().join("something else")).unwrap();
        folder
    }

    #[test]
    fn the_newest_run_is_first_and_opened() {
        let folder = folder(3);
        let runs = kept_runs(folder.path()).unwrap();
        let headlines: Vec<Option<&str>> = runs.iter().map(|run| run.headline.as_deref()).collect();
        assert_eq!(headlines, [None, Some("Day 2."), Some("Day 1.")]);
        let newest = find_report(None, folder.path()).unwrap();
        assert_eq!(newest, folder.path().join("audit-2").join(REPORT));
        assert_eq!(kept_runs(&folder.path().join("absent")).unwrap(), []);
    }

    #[test]
    fn a_run_is_found_by_its_path_its_files_and_its_name() {
        let folder = folder(3);
        let page = folder.path().join("audit-1").join(REPORT);
        let found = |words: &Path| find_report(Some(words), folder.path());
        for words in [&folder.path().join("audit-1"), &page, &page.with_file_name("run.json")] {
            assert_eq!(found(words).unwrap(), page);
        }
        for words in ["audit-1", "t-1"] {
            assert_eq!(found(words.as_ref()).unwrap(), page);
        }
        for (words, facts) in [
            ("audit", "3 runs"),
            ("train", "no run of that name"),
            ("audit-3", "holds no report.html"),
        ] {
            let message = found(words.as_ref()).unwrap_err().to_string();
            assert!(message.contains(facts), "{message}");
        }
    }
}
