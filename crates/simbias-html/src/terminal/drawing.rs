//! Charts as text: forests, bars and small curves; what needs a plane is left to the page.

use simbias_report::{
    BarsChart, Chart, ChartKind, Estimate, ForestChart, Heatmap, Table, Ticks, format,
};

use super::canvas::{self, Canvas, Ink};
use super::grid;

pub(crate) fn draw(canvas: &mut Canvas, chart: &Chart) {
    if chart.is_empty() {
        canvas.paragraph("(nothing to draw)", 2, Ink::Faint);
        return;
    }
    match &chart.kind {
        ChartKind::Forest(forest) => draw_forest(canvas, forest),
        ChartKind::Bars(bars) => draw_bars(canvas, bars),
        ChartKind::Lines(lines) => {
            let curves: Vec<Curve<'_>> = lines
                .series
                .iter()
                .map(|series| Curve { name: &series.name, x: &series.x, y: &series.y })
                .collect();
            draw_curves(canvas, &curves, true);
        }
        ChartKind::Density(density) => {
            let curves: Vec<Curve<'_>> = density
                .series
                .iter()
                .map(|series| Curve { name: &series.name, x: &series.x, y: &series.density })
                .collect();
            draw_curves(canvas, &curves, false);
        }
        ChartKind::Histogram(histogram) => {
            let bins: Vec<(Vec<f64>, Vec<f64>)> = histogram
                .series
                .iter()
                .map(|series| {
                    let middles = series.edges.windows(2).map(|ends| (ends[0] + ends[1]) / 2.0);
                    (middles.collect(), series.counts.iter().map(|&count| count as f64).collect())
                })
                .collect();
            let curves: Vec<Curve<'_>> = histogram
                .series
                .iter()
                .zip(&bins)
                .map(|(series, (x, y))| Curve { name: &series.name, x, y })
                .collect();
            draw_curves(canvas, &curves, false);
        }
        ChartKind::Heatmap(heatmap) if heatmap.x.len() <= 8 && heatmap.y.len() <= 24 => {
            draw_heatmap(canvas, chart, heatmap);
        }
        ChartKind::Heatmap(heatmap) => {
            let size = format!("{} x {} values", heatmap.y.len(), heatmap.x.len());
            canvas.paragraph(&format!("{size}; drawn in the page"), 2, Ink::Faint);
        }
        ChartKind::Scatter(scatter) => {
            let points = format::count(scatter.points.len() as u64);
            canvas.paragraph(&format!("{points} points; drawn in the page"), 2, Ink::Faint);
        }
    }
}

/// Ends of a scale that shows all finite values.
fn ends(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let [low, high] = values
        .filter(|value| value.is_finite())
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[l, h], value| [l.min(value), h.max(value)]);
    (low <= high).then_some(if low < high { [low, high] } else { [low - 0.5, high + 0.5] })
}

/// The column of `value` on a scale of `columns`; values outside are pulled to the edge.
fn column(value: f64, [low, high]: [f64; 2], columns: usize) -> usize {
    let last = columns.saturating_sub(1) as f64;
    ((value - low) / (high - low) * last).round().clamp(0.0, last) as usize
}

/// Room for labels and plot beside texts of `text` columns.
fn room(canvas: &Canvas, labels: usize, text: usize) -> (usize, usize) {
    // On a narrow terminal the numbers stay whole, names are cut first.
    let labels =
        labels.min(canvas.width() / 3).min(canvas.width().saturating_sub(text + 14)).max(4);
    (labels, canvas.width().saturating_sub(labels + text + 6).clamp(8, 60))
}

fn draw_forest(canvas: &mut Canvas, forest: &ForestChart) {
    let named: Vec<(String, &Estimate)> = forest
        .items
        .iter()
        .map(|item| {
            let name = match item.group.as_str() {
                "" => item.label.clone(),
                group => format!("{}, {group}", item.label),
            };
            (canvas.plain(&name), &item.estimate)
        })
        .collect();
    let values = named.iter().flat_map(|(_, e)| [e.value, e.low, e.high]);
    let lines = forest.references.iter().map(|line| line.value);
    let Some(ends) = ends(values.chain(lines.clone())) else { return };
    let texts: Vec<String> =
        named.iter().map(|(_, estimate)| canvas.plain(&format::estimate(estimate))).collect();
    let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
    let label_width = widest(&mut named.iter().map(|(name, _)| canvas::width(name)));
    let text_width = widest(&mut texts.iter().map(|text| canvas::width(text)));
    let (label_columns, columns) = room(canvas, label_width, text_width);
    let [dash, dot, post] =
        [('─', '-'), ('●', 'o'), ('┊', ':')].map(|(rich, plain)| canvas.pick(rich, plain));
    let [left, right] = [('├', '|'), ('┤', '|')].map(|(rich, plain)| canvas.pick(rich, plain));
    for ((name, estimate), text) in named.iter().zip(&texts) {
        let mut plot = vec![' '; columns];
        for value in lines.clone().filter(|value| value.is_finite()) {
            plot[column(value, ends, columns)] = post;
        }
        if estimate.has_interval() {
            let (from, to) =
                (column(estimate.low, ends, columns), column(estimate.high, ends, columns));
            plot[from..=to.max(from)].fill(dash);
            plot[from] = left;
            plot[to.max(from)] = right;
        }
        if estimate.value.is_finite() {
            plot[column(estimate.value, ends, columns)] = dot;
        }
        let plot: String = plot.into_iter().collect();
        let name = canvas::pad(&canvas::cut(name, label_columns), label_columns, false);
        let line = format!("  {name}  {}  {text}", canvas.ink(&plot, Ink::Accent));
        canvas.line(&line);
    }
    draw_scale(canvas, label_columns, columns, ends.map(|end| format::number(end, 3)));
    let named_lines: Vec<String> = forest
        .references
        .iter()
        .filter(|line| !line.label.is_empty())
        .map(|line| format!("{} {}", line.label, format::number(line.value, 3)))
        .collect();
    if !named_lines.is_empty() {
        canvas.paragraph(
            &format!("{post} {}", named_lines.join(", ")),
            label_columns + 4,
            Ink::Faint,
        );
    }
}

fn draw_bars(canvas: &mut Canvas, bars: &BarsChart) {
    let mut rows: Vec<(String, String, f64)> = Vec::new();
    for (index, category) in bars.categories.iter().enumerate() {
        for series in &bars.series {
            let Some(bar) = series.bars.get(index) else { continue };
            let name = match bars.series.len() {
                1 => category.clone(),
                _ => format!("{category}, {}", series.name),
            };
            rows.push((canvas.plain(&name), canvas.plain(&format::estimate(bar)), bar.value));
        }
    }
    let Some([low, high]) = ends(rows.iter().map(|row| row.2).chain([0.0])) else { return };
    let label_width = rows.iter().map(|row| canvas::width(&row.0)).max().unwrap_or(0);
    let text_width = rows.iter().map(|row| canvas::width(&row.1)).max().unwrap_or(0);
    let (label_columns, columns) = room(canvas, label_width, text_width);
    let block = canvas.pick('█', '#');
    let zero = column(0.0, [low, high], columns);
    for (name, text, value) in rows {
        let mut plot = vec![' '; columns];
        if value.is_finite() {
            let end = column(value, [low, high], columns);
            plot[zero.min(end)..=zero.max(end)].fill(block);
            if value == 0.0 {
                plot[zero] = ' ';
            }
        }
        let plot: String = plot.into_iter().collect();
        let name = canvas::pad(&canvas::cut(&name, label_columns), label_columns, false);
        let line = format!("  {name}  {}  {text}", canvas.ink(&plot, Ink::Accent));
        canvas.line(&line);
    }
}

/// A line over ascending positions.
struct Curve<'a> {
    name: &'a str,
    x: &'a [f64],
    y: &'a [f64],
}

impl Curve<'_> {
    /// The height at `position`, linear between neighbours; NaN outside and in gaps.
    fn at(&self, position: f64) -> f64 {
        let n = self.x.len().min(self.y.len());
        let after = self.x[..n].partition_point(|&x| x < position);
        if after == n {
            return f64::NAN;
        }
        if self.x[after] == position || after == 0 {
            return if self.x[after] == position { self.y[after] } else { f64::NAN };
        }
        let share = (position - self.x[after - 1]) / (self.x[after] - self.x[after - 1]);
        self.y[after - 1] + share * (self.y[after] - self.y[after - 1])
    }
}

/// Each curve as a strip of levels over the shared range of positions; with `way`, also its first and
/// last height.
fn draw_curves(canvas: &mut Canvas, curves: &[Curve<'_>], way: bool) {
    const RICH: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const PLAIN: [char; 8] = ['_', '.', ',', '-', '~', '=', '+', '#'];
    let Some(levels) = ends(curves.iter().flat_map(|curve| curve.y.iter().copied())) else {
        return;
    };
    let Some([first, last]) = ends(curves.iter().flat_map(|curve| curve.x.iter().copied())) else {
        return;
    };
    let label_width = curves.iter().map(|curve| canvas::width(curve.name)).max().unwrap_or(0);
    let (label_columns, columns) = room(canvas, label_width, if way { 20 } else { 0 });
    for curve in curves {
        let strip: String = (0..columns)
            .map(|at| {
                let share = at as f64 / (columns - 1) as f64;
                let height = curve.at(first + share * (last - first));
                if height.is_nan() {
                    return ' ';
                }
                let level = column(height, levels, RICH.len());
                canvas.pick(RICH[level], PLAIN[level])
            })
            .collect();
        let text = match curve.y {
            [from, .., to] if way => {
                canvas.plain(&format!("{} to {}", format::number(*from, 3), format::number(*to, 3)))
            }
            _ => String::new(),
        };
        let name = canvas.plain(curve.name);
        let name = canvas::pad(&canvas::cut(&name, label_columns), label_columns, false);
        let line = format!("  {name}  {}  {text}", canvas.ink(&strip, Ink::Accent));
        canvas.line(&line);
    }
    draw_scale(canvas, label_columns, columns, [first, last].map(|end| format::number(end, 2)));
}

/// The ends of a scale under their plot, where there is room for both.
fn draw_scale(canvas: &mut Canvas, label_columns: usize, columns: usize, ends: [String; 2]) {
    let [low, high] = ends.map(|end| canvas.plain(&end));
    let Some(space) = columns.checked_sub(canvas::width(&low) + canvas::width(&high) + 1) else {
        return;
    };
    let scale = format!("  {:label_columns$}  {low} {:space$}{high}", "", "");
    let scale = canvas.ink(&scale, Ink::Faint);
    canvas.line(&scale);
}

fn draw_heatmap(canvas: &mut Canvas, chart: &Chart, heatmap: &Heatmap) {
    let mut table = Table::new("", "").column(chart.y.heading().as_str());
    for column in 0..heatmap.x.len() {
        table = table.column(heatmap.x.text(column).as_str());
    }
    // Numeric rows grow upwards on the page, and so here.
    let mut order: Vec<usize> = (0..heatmap.values.len()).collect();
    if matches!(heatmap.y, Ticks::Values(_)) {
        order.reverse();
    }
    for row in order {
        let values =
            heatmap.values[row].iter().map(|&value| simbias_report::Cell::number(value, 2));
        table.push(std::iter::once(heatmap.y.text(row).into()).chain(values));
    }
    grid::draw(canvas, &table);
}
