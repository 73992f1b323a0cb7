//! Colours: the page's theme where there is one, else colours that can be read on white and on black.

/// Colours in a theme's series palette; further series start over with other markers and dashes.
const SERIES: [&str; 7] = [
    "var(--s0,#2f83c5)",
    "var(--s1,#d9672b)",
    "var(--s2,#22a17c)",
    "var(--s3,#c46aa3)",
    "var(--s4,#c48a14)",
    "var(--s5,#7d7fd6)",
    "var(--s6,#848d99)",
];

pub(super) const INK: &str = "var(--ink,currentColor)";
pub(super) const MUTED: &str = "var(--muted,#808893)";
pub(super) const RULE: &str = "var(--rule,#9aa1ab)";
pub(super) const GRID: &str = "var(--grid,#9aa1ab44)";
pub(super) const CARD: &str = "var(--card,#ffffff)";
pub(super) const MARK: &str = "var(--bad,#e0562b)";

/// Steps of a colour scale.
pub(super) const STEPS: usize = 11;

const SEQUENTIAL: [&str; STEPS] = [
    "#cfe2f2", "#b9d5ec", "#a2c8e6", "#8bbadf", "#74acd7", "#5d9dce", "#478ec4", "#337fb8",
    "#226fa9", "#145f98", "#0a4f85",
];
const DIVERGING: [&str; STEPS] = [
    "#15568f", "#3f7db3", "#6b9fca", "#98bedd", "#c3d9e8", "#e3e3e0", "#f0d3b9", "#ebb58a",
    "#e0945b", "#cd7132", "#b04f10",
];

/// The colour of series `index`.
pub(super) fn series(index: usize) -> &'static str {
    SERIES[index % SERIES.len()]
}

/// How many series differ by colour alone.
pub(super) const fn n_series() -> usize {
    SERIES.len()
}

/// The colour of step `step` of a scale.
pub(super) fn step(step: usize, is_diverging: bool) -> String {
    let step = step.min(STEPS - 1);
    if is_diverging {
        format!("var(--d{step},{})", DIVERGING[step])
    } else {
        format!("var(--q{step},{})", SEQUENTIAL[step])
    }
}

/// The colour of words on a step of a scale.
pub(super) const fn on_step(step: usize, is_diverging: bool) -> &'static str {
    let is_strong = if is_diverging { step <= 2 || step >= 8 } else { step >= 5 };
    if is_strong { "var(--on-strong,#ffffff)" } else { "var(--on-weak,#15202b)" }
}
