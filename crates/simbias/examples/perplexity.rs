//! How well does a language model predict my text?
//!
//! One block of the model is in memory at a time. Without arguments a tiny untrained model of the test data reads the
//! first lines of Genesis as bytes; its perplexity is worse than that of a guess, which is its vocabulary of 300.
//!
//! ```text
//! cargo run --release -p simbias --example perplexity -- [MODEL TEXT.txt]
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its answer")]

use std::path::Path;

use simbias::data::embedded;
use simbias::language::{LanguageModel, Text, Tokenizer, perplexity};
use simbias::nn::cpu;
use simbias::report::Silent;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (model, text) = match arguments.as_slice() {
        [model, text] => {
            let model = LanguageModel::open(Path::new(model), &cpu())?;
            let text = Text::read(Path::new(text), &model, None)?;
            (model, text)
        }
        _ => {
            let tiny = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("../simbias-language/tests/reference/llama");
            let genesis: String = embedded::king_james().chars().take(4000).collect();
            let text = Text::encode(Path::new("Genesis"), &genesis, &Tokenizer::bytes())?;
            (LanguageModel::open(&tiny, &cpu())?, text)
        }
    };
    let context = model.decoder().context.min(512);
    let found = perplexity(&model, &text, context, Some(32), &Silent)?;
    println!(
        "{} tokens in {} chunks of {context}: perplexity {:.2}",
        found.n_predicted, found.n_chunks, found.perplexity
    );
    if let Some((low, high)) = found.interval() {
        println!("95 % interval over chunks: {low:.2} to {high:.2}");
    }
    if let Some(bits) = found.bits_per_byte {
        println!("{bits:.3} bits for each byte of the text");
    }
    Ok(())
}
