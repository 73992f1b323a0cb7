//! Language models from checkpoints: tokens, perplexity, and pruning that looks at data.
//!
//! A [`LanguageModel`] knows the decoder behind a checkpoint (LLaMA, Mistral, Qwen2, GPT-2, and networks of this
//! program) and reads one block of it at a time. [`perplexity`] and [`prune_blocks`](prune::prune_blocks) carry the hidden
//! states of all sequences through a block, drop it and read the next one, so that memory holds one block however large
//! the model is.

pub mod allocation;
pub mod comparison;
pub mod document;
mod error;
mod export;
mod family;
mod hidden;
mod model;
mod perplexity;
pub mod prune;
mod statistics;
mod text;
mod tokenizer;

pub use error::LanguageError;
pub use family::StoredMap;
pub use model::{LanguageModel, OWN_MODEL_TYPE};
pub use perplexity::{Perplexity, perplexity};
pub use statistics::StatisticsFile;
pub use text::{Calibration, Text};
pub use tokenizer::Tokenizer;
