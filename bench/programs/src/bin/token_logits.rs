//! Writes the logits of every position of a text, for comparisons with other programs: `MODEL TEXT OUT.f32`.
//!
//! The file holds 32-bit floats, `[tokens, vocabulary]`; standard output has the tokens.

use std::io::Write;
use std::path::Path;

use simbias_language::{LanguageModel, Text};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, model, text, out] = arguments.as_slice() else {
        return Err("three arguments: MODEL TEXT OUT.f32".into());
    };
    let model = LanguageModel::open(Path::new(model), &simbias_nn::cpu())?;
    let text = Text::read(Path::new(text), &model, None)?;
    let logits = model.token_logits(&text.tokens)?;
    let bytes: Vec<u8> = logits.iter().flat_map(|logit| logit.to_le_bytes()).collect();
    std::fs::write(out, bytes)?;
    let tokens: Vec<String> = text.tokens.iter().map(u32::to_string).collect();
    writeln!(std::io::stdout(), "{}", tokens.join(" "))?;
    Ok(())
}
