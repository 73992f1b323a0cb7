//! Finished work of a reliance run beside its directory, so that it survives whatever ends the process.
//!
//! Two files of records: `X.reliance-state` holds finished blocks, `X.reliance-state.block` what is done of the current one;
//! the second begins anew when a block is finished, so that neither grows beyond what the run itself keeps in memory. Records
//! are appended and carry a checksum; what a killed process left half-written at the end is cut off.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use simbias_data::Dataset;
use simbias_reliance::{Journal, RelianceOptions, ResolvedBlocks};
use simbias_stats::Seed;

use crate::{Model, RunDirectory, RunError};

/// Name and version of the form; a line with it and the identity of the run begins both files.
const SCHEMA: &str = "simbias.reliance-state/1";
/// Ending of the file of finished blocks.
const END: &str = ".reliance-state";
/// What is added to that for the file of the current block.
const OF_BLOCK: &str = ".block";
/// What is added to the name of a state of other inputs.
const SET_ASIDE: &str = ".set-aside";
/// Bytes of a checksum.
const CHECKSUM: usize = 8;
/// Letters of an identity in a file's name.
const SHORT: usize = 12;

/// What a run is about: everything that its numbers depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelianceIdentity(String);

impl RelianceIdentity {
    /// The identity of a measurement of `models` on `device`.
    pub fn of(
        models: &[Model],
        data: &Dataset,
        resolved: &ResolvedBlocks,
        options: &RelianceOptions,
        seed: Seed,
        device: &str,
    ) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut add = |words: &str| {
            hasher.update(&(words.len() as u64).to_le_bytes());
            hasher.update(words.as_bytes());
        };
        add(SCHEMA);
        add(env!("CARGO_PKG_VERSION"));
        add(device);
        for model in models {
            add(&model.fingerprint.fingerprint);
            add(&format!("{:?}", model.runtime()));
        }
        add(&data.fingerprint());
        add(&format!("{:?}", data.layout));
        add(&format!("{:?}", data.strata));
        add(&format!("{:?}", resolved.blocks));
        add(&format!("{options:?}"));
        add(&seed.value().to_string());
        // A transform is known by what it does to the first row.
        let first = resolved.transform.forward(data.rows.slice(ndarray::s![..1, ..]));
        first.iter().for_each(|value| {
            hasher.update(&value.to_le_bytes());
        });
        Self(hasher.finalize().to_hex()[..32].to_string())
    }

    fn header(&self) -> String {
        format!("{SCHEMA} {}\n", self.0)
    }
}

/// The state of one reliance run, kept while it lasts.
#[derive(Debug)]
pub struct RelianceState {
    path: PathBuf,
    set_aside: Option<PathBuf>,
    is_complete: bool,
    logs: Mutex<Logs>,
}

#[derive(Debug)]
struct Logs {
    settled: Log,
    open: Log,
    /// Why nothing more is kept.
    failure: Option<String>,
}

impl RelianceState {
    /// Opens the state beside `run`: `DIR.reliance-state` if the user named the directory, else a name from the identity, so
    /// that the same command finds it again. A state of another run in this place is set aside.
    ///
    /// # Errors
    /// [`RunError::StateInUse`] if another process works on it, [`RunError::NotAState`] for a file of another kind,
    /// [`RunError::Read`], [`RunError::Write`].
    pub fn beside(
        run: &RunDirectory,
        is_named: bool,
        identity: &RelianceIdentity,
    ) -> Result<Self, RunError> {
        let mut name = if is_named {
            run.path().as_os_str().to_os_string()
        } else {
            let name = format!("reliance-run-{}", &identity.0[..SHORT]);
            run.path().with_file_name(name).into_os_string()
        };
        name.push(END);
        Self::open(PathBuf::from(name), identity)
    }

    fn open(path: PathBuf, identity: &RelianceIdentity) -> Result<Self, RunError> {
        let of_block = with_suffix(&path, OF_BLOCK);
        let set_aside = match identity_at(&path)? {
            Some(found) if found != identity.header() => {
                let aside = free_name(&with_suffix(&path, SET_ASIDE));
                // A run that still works on it keeps it.
                drop(lock(&path)?);
                fs::rename(&path, &aside).map_err(|error| RunError::write(&path, error))?;
                // Half a block of other inputs helps nobody.
                let _ = fs::remove_file(&of_block);
                Some(aside)
            }
            _ => None,
        };
        let settled = Log::open(&path, identity)?;
        let open = match identity_at(&of_block) {
            Ok(Some(found)) if found == identity.header() => Log::open(&of_block, identity)?,
            _ => Log::create(&of_block, identity)?,
        };
        let logs = Mutex::new(Logs { settled, open, failure: None });
        Ok(Self { path, set_aside, is_complete: false, logs })
    }

    /// Number of records that an earlier process left.
    pub fn n_found(&self) -> usize {
        let logs = self.logs();
        logs.settled.n_found + logs.open.n_found
    }

    /// Where a state of other inputs, which lay in this place, is now.
    pub fn set_aside(&self) -> Option<&Path> {
        self.set_aside.as_deref()
    }

    /// The file of finished blocks.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why nothing more could be kept, if that happened; the run itself is not touched by it.
    pub fn failure(&self) -> Option<String> {
        self.logs().failure.clone()
    }

    /// Removes the files: the run is complete and no longer needs them.
    pub fn remove(mut self) {
        self.is_complete = true;
    }

    /// Whether there is anything to go on from.
    pub fn has_records(&self) -> bool {
        let logs = self.logs();
        !(logs.settled.places.is_empty() && logs.open.places.is_empty())
    }

    fn logs(&self) -> MutexGuard<'_, Logs> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Files without any record are of no use to anybody.
impl Drop for RelianceState {
    fn drop(&mut self) {
        if self.is_complete || !self.has_records() {
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_file(with_suffix(&self.path, OF_BLOCK));
        }
    }
}

impl Logs {
    /// Nothing more is kept after the first failure, such as a full disk.
    fn attempt(&mut self, work: impl FnOnce(&mut Self) -> std::io::Result<()>) {
        if self.failure.is_none()
            && let Err(error) = work(self)
        {
            self.failure = Some(error.to_string());
        }
    }
}

impl Journal for RelianceState {
    fn find(&self, key: &str) -> Option<Vec<u8>> {
        let mut logs = self.logs();
        match logs.settled.read(key) {
            Some(record) => Some(record),
            None => logs.open.read(key),
        }
    }

    fn keep(&self, key: &str, record: &[u8]) {
        self.logs().attempt(|logs| logs.open.append(key, record));
    }

    fn settle(&self, key: &str, record: &[u8]) {
        self.logs().attempt(|logs| {
            logs.settled.append(key, record)?;
            let parts = format!("{key}/");
            let mut open = logs.open.places.keys();
            if !logs.open.places.is_empty() && open.all(|open| open.starts_with(&parts)) {
                logs.open.clear()?;
            }
            Ok(())
        });
    }
}

/// A whole record in a file.
struct Found {
    key: String,
    /// Where it begins, and its length.
    place: (u64, u64),
    /// Where the next one begins.
    next: u64,
}

/// A file of records: length of the key, length of the record, key, record, checksum.
#[derive(Debug)]
struct Log {
    file: File,
    /// Where the record of every key begins, and its length.
    places: BTreeMap<String, (u64, u64)>,
    /// Length of the header.
    begin: u64,
    end: u64,
    /// Records found when it was opened.
    n_found: usize,
}

impl Log {
    /// The log at `path`, which is empty, absent or begins with this identity.
    fn open(path: &Path, identity: &RelianceIdentity) -> Result<Self, RunError> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| RunError::write(parent, error))?;
        }
        let mut file = lock(path)?;
        let write = |error| RunError::write(path, error);
        let header = identity.header();
        let n_bytes = file.metadata().map_err(|error| RunError::read(path, error))?.len();
        let begin = header.len() as u64;
        if n_bytes < begin {
            file.set_len(0).and_then(|()| file.write_all(header.as_bytes())).map_err(write)?;
        }
        let mut log = Self { file, places: BTreeMap::new(), begin, end: begin, n_found: 0 };
        log.scan(n_bytes).map_err(|error| RunError::read(path, error))?;
        log.file.set_len(log.end).map_err(write)?;
        log.n_found = log.places.len();
        Ok(log)
    }

    /// A new log in place of whatever lies at `path`.
    fn create(path: &Path, identity: &RelianceIdentity) -> Result<Self, RunError> {
        lock(path)?.set_len(0).map_err(|error| RunError::write(path, error))?;
        Self::open(path, identity)
    }

    /// Finds all whole records among the first `n_bytes`.
    fn scan(&mut self, n_bytes: u64) -> std::io::Result<()> {
        while let Some(found) = self.record_at(self.end, n_bytes)? {
            self.places.insert(found.key, found.place);
            self.end = found.next;
        }
        Ok(())
    }

    /// The record at `at`; `None` if no whole one is there.
    fn record_at(&mut self, at: u64, n_bytes: u64) -> std::io::Result<Option<Found>> {
        const LENGTHS: u64 = 12;
        if at + LENGTHS > n_bytes {
            return Ok(None);
        }
        self.file.seek(SeekFrom::Start(at))?;
        let (mut of_key, mut of_record) = ([0; 4], [0; 8]);
        self.file.read_exact(&mut of_key)?;
        self.file.read_exact(&mut of_record)?;
        let (of_key, of_record) = (u32::from_le_bytes(of_key), u64::from_le_bytes(of_record));
        let begin = at + LENGTHS + u64::from(of_key);
        let next = begin.checked_add(of_record).and_then(|end| end.checked_add(CHECKSUM as u64));
        let Some(next) = next.filter(|&next| next <= n_bytes) else { return Ok(None) };
        let mut key = vec![0; of_key as usize];
        let mut record = vec![0; of_record as usize];
        let mut checksum = [0; CHECKSUM];
        self.file.read_exact(&mut key)?;
        self.file.read_exact(&mut record)?;
        self.file.read_exact(&mut checksum)?;
        let Ok(key) = String::from_utf8(key) else { return Ok(None) };
        let is_whole = checksum_of(&key, &record) == checksum;
        Ok(is_whole.then_some(Found { key, place: (begin, of_record), next }))
    }

    fn read(&mut self, key: &str) -> Option<Vec<u8>> {
        let &(begin, length) = self.places.get(key)?;
        let mut record = vec![0; usize::try_from(length).ok()?];
        self.file.seek(SeekFrom::Start(begin)).ok()?;
        self.file.read_exact(&mut record).ok()?;
        Some(record)
    }

    fn append(&mut self, key: &str, record: &[u8]) -> std::io::Result<()> {
        let mut bytes = Vec::with_capacity(record.len() + key.len() + 32);
        bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(record.len() as u64).to_le_bytes());
        bytes.extend_from_slice(key.as_bytes());
        let begin = self.end + bytes.len() as u64;
        bytes.extend_from_slice(record);
        bytes.extend_from_slice(&checksum_of(key, record));
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&bytes)?;
        self.end += bytes.len() as u64;
        self.places.insert(key.into(), (begin, record.len() as u64));
        Ok(())
    }

    fn clear(&mut self) -> std::io::Result<()> {
        self.file.set_len(self.begin)?;
        self.end = self.begin;
        self.places.clear();
        Ok(())
    }
}

fn checksum_of(key: &str, record: &[u8]) -> [u8; CHECKSUM] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(key.as_bytes());
    hasher.update(record);
    let mut checksum = [0; CHECKSUM];
    checksum.copy_from_slice(&hasher.finalize().as_bytes()[..CHECKSUM]);
    checksum
}

/// The file at `path`, for this process alone until it is closed.
fn lock(path: &Path) -> Result<File, RunError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| RunError::write(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RunError::StateInUse { path: path.into() }),
        // Some file systems know no locks.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// The first line of the state at `path`; `None` if there is no file, or nothing in it.
fn identity_at(path: &Path) -> Result<Option<String>, RunError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RunError::read(path, error)),
    };
    let mut begin = Vec::new();
    let longest = SCHEMA.len() as u64 + 64;
    Read::by_ref(&mut file)
        .take(longest)
        .read_to_end(&mut begin)
        .map_err(|error| RunError::read(path, error))?;
    if SCHEMA.as_bytes().starts_with(&begin) {
        return Ok(None);
    }
    let line = begin.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
    match std::str::from_utf8(line) {
        Ok(line) if line.starts_with(SCHEMA) => Ok(Some(line.into())),
        _ => Err(RunError::NotAState { path: path.into() }),
    }
}

/// `path`, or with a number behind it if that is taken.
fn free_name(path: &Path) -> PathBuf {
    let numbered = (2..).map(|number| with_suffix(path, &format!("-{number}")));
    let mut names = std::iter::once(path.to_path_buf()).chain(numbered);
    names.find(|name| !name.exists()).unwrap_or_else(|| path.to_path_buf())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(name: &str) -> RelianceIdentity {
        RelianceIdentity(name.repeat(32))
    }

    fn open(path: &Path, name: &str) -> RelianceState {
        RelianceState::open(path.into(), &identity(name)).unwrap()
    }

    #[test]
    fn records_survive_the_process_and_a_torn_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.reliance-state");
        let state = open(&path, "1");
        state.keep("0/block 0", b"first");
        state.keep("0/block 1", b"second");
        drop(state);
        let state = open(&path, "1");
        assert_eq!(state.n_found(), 2);
        assert_eq!(state.find("0/block 1").unwrap(), b"second");
        state.settle("0", b"all of it");
        state.keep("1/block 0", b"third");
        state.keep("1/block 1", b"fourth");
        drop(state);

        let of_block = with_suffix(&path, OF_BLOCK);
        let whole = fs::read(&of_block).unwrap();
        let settled = fs::read(&path).unwrap();
        for cut in 1..30 {
            fs::write(&of_block, &whole[..whole.len() - cut]).unwrap();
            let state = open(&path, "1");
            assert_eq!(state.find("0").unwrap(), b"all of it");
            assert!(state.find("0/block 0").is_none());
            assert_eq!(state.find("1/block 0").unwrap(), b"third");
            assert!(state.find("1/block 1").is_none(), "{cut}");
            // What is kept next stands behind the last whole record.
            state.keep("1/block 1", b"again");
            assert_eq!(state.find("1/block 1").unwrap(), b"again");
        }
        assert_eq!(fs::read(&path).unwrap(), settled);
        let mut wrong = settled;
        *wrong.last_mut().unwrap() ^= 1;
        fs::write(&path, wrong).unwrap();
        assert!(open(&path, "1").find("0").is_none());
    }

    #[test]
    fn a_state_of_other_inputs_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.reliance-state");
        let state = open(&path, "1");
        state.settle("0", b"of the first");
        drop(state);
        let state = open(&path, "2");
        assert_eq!(state.n_found(), 0);
        let aside = state.set_aside().unwrap().to_path_buf();
        drop(state);
        assert_eq!(open(&aside, "1").find("0").unwrap(), b"of the first");
    }

    #[test]
    fn a_file_of_another_kind_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.reliance-state");
        fs::write(&path, b"my notes").unwrap();
        let error = RelianceState::open(path.clone(), &identity("1")).unwrap_err();
        assert!(matches!(error, RunError::NotAState { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"my notes");
    }

    #[test]
    fn two_processes_do_not_share_a_state() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.reliance-state");
        let first = open(&path, "1");
        for name in ["1", "2"] {
            let error = RelianceState::open(path.clone(), &identity(name)).unwrap_err();
            assert!(matches!(error, RunError::StateInUse { .. }), "{error}");
        }
        first.remove();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
