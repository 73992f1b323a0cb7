//! Renders a report as one self-contained HTML file, as a fragment for a notebook and as terminal text.
//!
//! All renderers are pure: a [`Report`](simbias_report::Report) in, text out. The page asks the network for
//! nothing: styles, script, drawings, pictures and data are inside the file.

mod escape;
mod figure;
mod labels;
mod notebook;
mod page;
mod picture;
mod picture_grid;
mod terminal;

pub use notebook::notebook;
pub use page::render_html;
pub use terminal::{Brief, render_brief, render_terminal};
