//! Renders a report as one self-contained HTML file and as terminal text.
