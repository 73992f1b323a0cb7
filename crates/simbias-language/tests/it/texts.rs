//! From texts to tokens, windows and perplexities.

use std::io::Write;
use std::path::Path;

use simbias_checkpoint::Checkpoint;
use simbias_language::{Calibration, LanguageError, Text, Tokenizer, perplexity};
use simbias_report::{Progress, Silent};
use simbias_stats::Seed;

use crate::sample::{open, reference};

const SENTENCE: &str = "In the year 1984 the naïve café in town closed its doors.\n";

fn file(name: &str, content: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::File::create(&path).unwrap().write_all(content).unwrap();
    (folder, path)
}

fn npy(kind: &str, bytes: &[u8], n: usize) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({n},), }}");
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(bytes);
    file
}

#[test]
fn the_vocabulary_of_a_gguf_file_merges_words_and_parts_digits() {
    let tokenizer = open("llama.gguf").tokenizer().unwrap();
    // Letters of bytes are tokens 1 to 256; then th, the, Ġthe, 19, in, Ġin. Digits never merge under "smollm".
    assert_eq!(tokenizer.encode("the 19 in").unwrap(), [0, 258, 33, 50, 58, 262]);
    assert_eq!(tokenizer.first_token(), Some(0));
    let bytes: Vec<u32> = "é".bytes().map(|byte| u32::from(byte) + 1).collect();
    assert_eq!(tokenizer.encode("é").unwrap()[1..], bytes);
    // The begin token is special: it is found in texts.
    assert_eq!(tokenizer.encode("<s>").unwrap(), [0, 0]);
}

/// Expected tokens are those on which SentencePiece and llama.cpp agree.
#[test]
fn pieces_of_a_gguf_file_are_those_of_sentencepiece() {
    let checkpoint = Checkpoint::open(&reference("pieces.gguf")).unwrap();
    let tokenizer = Tokenizer::of_checkpoint(&checkpoint).unwrap();
    let expected = std::fs::read(reference("pieces.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_slice(&expected).unwrap();
    for case in expected.as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let tokens: Vec<u64> = case["tokens"]
            .as_array()
            .unwrap()
            .iter()
            .map(|token| token.as_u64().unwrap())
            .collect();
        let found: Vec<u64> = tokenizer.encode(text).unwrap().into_iter().map(u64::from).collect();
        assert_eq!(found, tokens, "{text:?}");
    }
    // The end token is special: it is found in texts.
    assert!(tokenizer.encode("learned</s>").unwrap().ends_with(&[2]));
}

#[test]
fn tokens_come_from_arrays_of_any_whole_type() {
    let model = open("llama");
    let files = [
        ("|u1", vec![7, 8, 9]),
        ("<u2", [7_u16, 8, 9].iter().flat_map(|t| t.to_le_bytes()).collect()),
        ("<i4", [7_i32, 8, 9].iter().flat_map(|t| t.to_le_bytes()).collect()),
        ("<i8", [7_i64, 8, 9].iter().flat_map(|t| t.to_le_bytes()).collect()),
    ];
    for (kind, bytes) in files {
        let (_folder, path) = file("tokens.npy", &npy(kind, &bytes, 3));
        assert_eq!(Text::read(&path, &model, None).unwrap().tokens, [7, 8, 9], "{kind}");
    }
}

#[test]
fn texts_that_cannot_be_used_are_refused_with_the_place() {
    let model = open("llama");
    let outside: Vec<u8> = [3_i64, 300].iter().flat_map(|t| t.to_le_bytes()).collect();
    let negative: Vec<u8> = [3_i64, -1].iter().flat_map(|t| t.to_le_bytes()).collect();
    let floats: Vec<u8> = 1.5_f32.to_le_bytes().to_vec();
    for (name, content, word) in [
        ("tokens.npy", npy("<i8", &outside, 2), "number 300"),
        ("tokens.npy", npy("<i8", &negative, 2), "number 1 is -1"),
        ("tokens.npy", npy("<f4", &floats, 1), "floating-point"),
        ("tokens.npy", b"no array".to_vec(), "not an .npy file"),
        ("text.txt", b"good\xff".to_vec(), "byte 4"),
    ] {
        let (_folder, path) = file(name, &content);
        let message = Text::read(&path, &model, Some(&Tokenizer::bytes())).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
    // No tokenizer.json lies beside this model.
    let (_folder, path) = file("text.txt", b"text");
    let found = Text::read(&path, &model, None);
    assert!(matches!(found, Err(LanguageError::Tokenizer { .. })));
}

#[test]
fn windows_are_drawn_alike_by_one_seed_and_lie_in_the_text() {
    let text = Text::encode(Path::new("text"), &SENTENCE.repeat(9), &Tokenizer::bytes()).unwrap();
    let calibration = Calibration { n_sequences: 5, length: 20 };
    let windows = text.windows(calibration, Seed::new(3)).unwrap();
    assert_eq!(windows, text.windows(calibration, Seed::new(3)).unwrap());
    assert_ne!(windows, text.windows(calibration, Seed::new(4)).unwrap());
    assert!(windows.iter().all(|w| text.tokens.windows(20).any(|part| part == w)));
    let too_long = Calibration { n_sequences: 1, length: 10_000 };
    assert!(matches!(text.windows(too_long, Seed::new(0)), Err(LanguageError::Text { .. })));
    let none = Calibration { n_sequences: 0, length: 20 };
    assert!(matches!(text.windows(none, Seed::new(0)), Err(LanguageError::Option { .. })));
}

#[test]
fn a_perplexity_is_that_of_the_logits() {
    let model = open("gpt2");
    let text = Text::encode(Path::new("text"), &SENTENCE.repeat(4), &Tokenizer::bytes()).unwrap();
    let found = perplexity(&model, &text, 32, None, &Silent).unwrap();
    let n_chunks = text.tokens.len() / 32;
    assert_eq!((found.n_chunks, found.n_predicted), (n_chunks, n_chunks * 31));
    let mut by_hand = Vec::new();
    let mut n_bytes = 0;
    for chunk in text.tokens.chunks_exact(32) {
        let logits = model.token_logits(chunk).unwrap();
        let nll = chunk[1..].iter().zip(logits.chunks(300)).map(|(&next, row)| {
            let sum: f64 = row.iter().map(|&logit| f64::from(logit).exp()).sum();
            sum.ln() - f64::from(row[next as usize])
        });
        by_hand.push(nll.sum::<f64>() / 31.0);
        // A token is a byte here.
        n_bytes += 31;
    }
    for (found, expected) in found.chunk_nll.iter().zip(&by_hand) {
        assert!((found - expected).abs() < 1e-5, "{found} and {expected}");
    }
    let mean = by_hand.iter().sum::<f64>() / n_chunks as f64;
    assert!((found.perplexity / mean.exp() - 1.0).abs() < 1e-4);
    let bits = mean * found.n_predicted as f64 / std::f64::consts::LN_2 / f64::from(n_bytes);
    assert!((found.bits_per_byte.unwrap() - bits).abs() < 1e-4);
    let (low, high) = found.interval().unwrap();
    assert!(low < found.perplexity && found.perplexity < high);
    let first = perplexity(&model, &text, 32, Some(2), &Silent).unwrap();
    assert_eq!(first.chunk_nll, found.chunk_nll[..2]);
}

#[test]
fn a_perplexity_does_not_depend_on_the_number_of_threads() {
    let model = open("llama");
    let text = Text::encode(Path::new("text"), &SENTENCE.repeat(8), &Tokenizer::bytes()).unwrap();
    let with = |n| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| perplexity(&model, &text, 64, None, &Silent).unwrap())
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn contexts_and_texts_that_do_not_fit_are_refused() {
    let model = open("llama");
    let text = Text::encode(Path::new("text"), SENTENCE, &Tokenizer::bytes()).unwrap();
    for context in [0, 1, 65] {
        let found = perplexity(&model, &text, context, None, &Silent);
        assert!(matches!(found, Err(LanguageError::Option { .. })), "{context}");
    }
    let found = perplexity(&model, &text, 64, None, &Silent);
    assert!(matches!(found, Err(LanguageError::Text { .. })));
}

#[test]
fn a_watcher_sees_all_and_may_end_the_work() {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    struct Recorder {
        seen: Mutex<Vec<(usize, usize)>>,
        stop_after: usize,
        asked: AtomicUsize,
    }
    impl Progress for Recorder {
        fn advance(&self, done: usize, total: usize, _: &str) {
            self.seen.lock().unwrap().push((done, total));
        }
        fn wants_stop(&self) -> bool {
            self.asked.fetch_add(1, Ordering::Relaxed) >= self.stop_after
        }
    }
    let model = open("llama");
    let text = Text::encode(Path::new("text"), &SENTENCE.repeat(4), &Tokenizer::bytes()).unwrap();
    let run = |stop_after| {
        let watch = Recorder { seen: Mutex::default(), stop_after, asked: 0.into() };
        let found = perplexity(&model, &text, 64, None, &watch);
        (found, watch.seen.into_inner().unwrap())
    };
    let (found, seen) = run(usize::MAX);
    assert!(found.is_ok());
    let total = seen[0].1;
    assert!(seen.iter().map(|&(done, _)| done).eq(0..total), "{seen:?}");
    let (found, _) = run(1);
    assert!(matches!(found, Err(LanguageError::Interrupted(_))));
}
