//! `simbias perplexity`: how well a language model predicts a text.

use std::path::{Path, PathBuf};

use simbias_language::document::PerplexityAnswer;
use simbias_language::{LanguageModel, Text, Tokenizer};
use simbias_nn::device_from_str;
use simbias_run::{of_checkpoint, of_file};

use super::arguments::OutArgs;
use crate::shell::{Failure, Finished, Shell};

/// Longest context used by default, as in the pruning literature.
pub(super) const USUAL_CONTEXT: usize = 2048;

/// Measure the perplexity of a language model on a text.
///
/// The text is turned into tokens once and cut into chunks; every token of a chunk but the first is predicted. Context,
/// number of chunks and bits per byte are printed with it, because a perplexity means little without them.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  simbias perplexity model.gguf book.txt
  simbias perplexity checkpoint/ wiki.test.raw --context 2048
  simbias perplexity checkpoint/ tokens.npy --max-chunks 20")]
pub(crate) struct PerplexityArgs {
    /// LLaMA, Mistral, Qwen2 or GPT-2: a folder or file with config.json beside it, or .gguf
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// UTF-8 text, or tokens as whole numbers in .npy
    #[arg(value_name = "TEXT")]
    text: PathBuf,
    #[command(flatten)]
    tokens: TokenArgs,
    #[command(flatten)]
    out: OutArgs,
}

/// How texts become tokens and tokens become chunks.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Text")]
pub(super) struct TokenArgs {
    /// tokenizer.json to use instead of the model's own
    #[arg(long, value_name = "FILE")]
    tokenizer: Option<PathBuf>,
    /// Tokens per chunk; the model's context, but at most 2048, when not given
    #[arg(long, value_name = "N", value_parser = crate::shell::at_least_one)]
    context: Option<usize>,
    /// Use only the first N chunks of the text
    #[arg(long, value_name = "N", value_parser = crate::shell::at_least_one)]
    max_chunks: Option<usize>,
}

impl TokenArgs {
    pub(super) fn read(&self, path: &Path, model: &LanguageModel) -> Result<Text, Failure> {
        let tokenizer = self.tokenizer.as_ref().map(|file| Tokenizer::open(file)).transpose()?;
        Ok(Text::read(path, model, tokenizer.as_ref())?)
    }

    pub(super) fn context(&self, model: &LanguageModel) -> usize {
        self.context.unwrap_or(model.decoder().context.min(USUAL_CONTEXT))
    }

    pub(super) fn max_chunks(&self) -> Option<usize> {
        self.max_chunks
    }
}

/// Opens the model on the user's device.
pub(super) fn open(path: &Path, shell: &Shell) -> Result<LanguageModel, Failure> {
    Ok(LanguageModel::open(path, &device_from_str(shell.device())?)?)
}

impl PerplexityArgs {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Finished, Failure> {
        let run = self.out.open(shell)?;
        let model = open(&self.model, shell)?;
        let text = self.tokens.read(&self.text, &model)?;
        let progress = shell.progress("perplexity");
        let context = self.tokens.context(&model);
        let found = simbias_language::perplexity(
            &model,
            &text,
            context,
            self.tokens.max_chunks(),
            &progress,
        )?;
        drop(progress);
        let (model_name, text_name) = (file_name(&self.model), file_name(&self.text));
        let answer = PerplexityAnswer::new(model_name, text_name, text.tokens_by(), found);
        let inputs = vec![of_checkpoint(model.checkpoint())?, of_file(&self.text)?];
        shell.close_run(run, &answer, inputs)?;
        Ok(Finished::Done)
    }
}

/// The last part of a path.
pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
