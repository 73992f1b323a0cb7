//! Which layers of a checkpoint a command looks at.

use regex::Regex;

/// Layers by name.
#[derive(clap::Args, Debug)]
pub(crate) struct LayerChoice {
    /// Only layers whose name contains a match of this regular expression; repeat for several
    #[arg(long, value_name = "REGEX", value_parser = pattern)]
    include: Vec<Regex>,
    /// Leave out layers whose name contains a match of this regular expression; repeat for several
    #[arg(long, value_name = "REGEX", value_parser = pattern)]
    exclude: Vec<Regex>,
}

impl LayerChoice {
    /// Whether the layer of this name is wanted.
    pub(crate) fn wants(&self, name: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|pattern| pattern.is_match(name)))
            && !self.exclude.iter().any(|pattern| pattern.is_match(name))
    }
}

fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| {
        // The last of several lines says what is wrong.
        let words = error.to_string();
        let problem = words.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("it is not a regular expression: {problem}")
    })
}
