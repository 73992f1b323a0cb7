//! Renders a report as one self-contained HTML file and as terminal text.
//!
//! Both renderers are pure: a [`Report`](simbias_report::Report) in, text out. The page asks the network for
//! nothing: styles, script, chart library, pictures and data are inside the file.

mod escape;
mod figure;
mod labels;
mod page;
mod picture;
mod picture_grid;
mod terminal;

pub use page::render_html;
pub use terminal::render_terminal;
