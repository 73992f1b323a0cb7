//! Runs the program in a folder of its own.

#[cfg(unix)]
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::{Child, ChildStderr, Stdio};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with a user's files, in which the program runs.
pub(crate) struct Bench {
    folder: TempDir,
}

/// The program at work.
#[cfg(unix)]
pub(crate) struct Running {
    words: String,
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

#[cfg(unix)]
impl Running {
    /// Waits for a line on standard error that contains `words`.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) -> &mut Self {
        loop {
            let mut line = String::new();
            let n_bytes = self.stderr.read_line(&mut line).unwrap();
            assert!(n_bytes > 0, "{}: {words:?} was never said in\n{}", self.words, self.said);
            self.said.push_str(&line);
            if line.contains(words) {
                return self;
            }
        }
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&mut self) -> &mut Self {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        self
    }

    /// Waits for the end; its exit code and all that was said.
    pub(crate) fn ends(&mut self) -> (Option<i32>, String) {
        self.stderr.read_to_string(&mut self.said).unwrap();
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.said))
    }
}

/// What the program left behind.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }

    /// Files and folders, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// Runs the program with words separated by blanks.
    pub(crate) fn run(&self, words: &str) -> Ended {
        self.run_words(words.split_whitespace())
    }

    pub(crate) fn run_words<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Ended {
        ended(
            Command::new(env!("CARGO_BIN_EXE_simbias")).args(words).current_dir(self.folder.path()),
        )
    }

    /// Runs the program with these variables of its environment, and `input` on its standard input.
    pub(crate) fn run_with(
        &self,
        words: &[&str],
        variables: &[(&str, &str)],
        input: &str,
    ) -> Ended {
        use std::io::Write;

        let mut child = Command::new(env!("CARGO_BIN_EXE_simbias"))
            .args(words)
            .envs(variables.iter().copied())
            .current_dir(self.folder.path())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // A program that does not read its input may end before all of it is written.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        read(child.wait_with_output().unwrap())
    }

    /// Starts the program in silence.
    #[cfg(unix)]
    fn start(&self, words: &str) -> std::process::Child {
        Command::new(env!("CARGO_BIN_EXE_simbias"))
            .args(words.split_whitespace())
            .arg("--quiet")
            .current_dir(self.folder.path())
            .spawn()
            .unwrap()
    }

    /// Starts the program, sends it `signal` as soon as `ready` holds, and gives its exit code.
    #[cfg(unix)]
    #[track_caller]
    pub(crate) fn signal_when(
        &self,
        words: &str,
        signal: &str,
        ready: impl Fn() -> bool,
    ) -> Option<i32> {
        let mut child = self.start(words);
        for _ in 0..12_000 {
            if ready() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert!(ready(), "{words}: nothing to interrupt");
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        child.wait().unwrap().code()
    }

    /// Starts the program with its words on standard error within reach.
    #[cfg(unix)]
    pub(crate) fn begin(&self, words: &str) -> Running {
        let mut child = Command::new(env!("CARGO_BIN_EXE_simbias"))
            .args(words.split_whitespace())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Running { words: words.into(), child, stderr, said: String::new() }
    }

    /// Runs the program and expects success.
    #[track_caller]
    pub(crate) fn succeed(&self, words: &str) -> Ended {
        let ended = self.run(words);
        assert_eq!(ended.code, Some(0), "{words}\n{}{}", ended.stdout, ended.stderr);
        ended
    }

    /// Copies an ONNX file from the tests of its crate.
    pub(crate) fn onnx(&self, name: &str) {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../simbias-onnx/tests/fixtures/");
        std::fs::copy(format!("{fixtures}{name}"), self.path(name)).unwrap();
    }

    /// Runs the program and expects exit code 2, all of `facts` in one message, and no new file.
    #[track_caller]
    pub(crate) fn refuse(&self, words: &str, facts: &[&str]) {
        let before = self.names();
        let ended = self.run(words);
        assert_eq!(ended.code, Some(2), "{words}\n{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.stdout, "", "{words}");
        for fact in facts {
            assert!(ended.stderr.contains(fact), "{fact:?} is missing in:\n{}", ended.stderr);
        }
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        let is_message = |line: &&str| line.starts_with("  x ") || line.starts_with("error: ");
        let n_messages = ended.stderr.lines().filter(is_message).count();
        assert_eq!(n_messages, 1, "not one message:\n{}", ended.stderr);
        assert_eq!(self.names(), before, "{words}: files appeared");
    }
}

fn ended(command: &mut Command) -> Ended {
    read(command.output().unwrap())
}

fn read(output: Output) -> Ended {
    let Output { status, stdout, stderr } = output;
    Ended {
        code: status.code(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// A table whose column `a` tells the label, `b` and `c` do not; `n` rows of alternating class.
pub(crate) fn table(n: usize) -> String {
    let mut text = String::from("a,b,c,y\n");
    for row in 0..n {
        let class = row % 2;
        let noise = (row as f64 * 12.9898).sin() * 0.5;
        let other = (row as f64 * 78.233).cos();
        text.push_str(&format!(
            "{},{other},{},{class}\n",
            class as f64 + noise * 0.8,
            other * noise
        ));
    }
    text
}

/// Scores of all jobs of the plan in `folder`, for rows of `table`: the score is column `a`.
pub(crate) fn scores_of_first_column(bench: &Bench, folder: &str, n: usize) -> Vec<Vec<f64>> {
    let text = table(n);
    let first: Vec<f64> =
        text.lines().skip(1).map(|line| line.split(',').next().unwrap().parse().unwrap()).collect();
    let plan = bench.json(&format!("{folder}/plan.json"));
    let donors = simbias_data::read_array(Path::new(&format!(
        "{}::donors",
        bench.path(folder).join("donors.safetensors").display()
    )))
    .unwrap();
    let donors = donors.to_f64().unwrap();
    plan["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| {
            let moves_first = job["block"]
                .as_str()
                .is_some_and(|block| (block == "first") != job["complement"].as_bool().unwrap());
            (0..n)
                .map(|row| match job["repeat"].as_u64().filter(|_| moves_first) {
                    Some(repeat) => first[donors[repeat as usize * n + row] as usize],
                    None => first[row],
                })
                .collect()
        })
        .collect()
}

/// Writes scores as a table of numbers.
pub(crate) fn write_scores(bench: &Bench, name: &str, scores: &[Vec<f64>]) {
    let lines: Vec<String> = scores
        .iter()
        .map(|job| job.iter().map(f64::to_string).collect::<Vec<_>>().join(","))
        .collect();
    bench.write(name, &(lines.join("\n") + "\n"));
}
