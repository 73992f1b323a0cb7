//! Matrices as colours.

use simbias_report::{Chart, ColourScale, Heatmap, Ticks, format};

use super::canvas::{Area, Canvas, Hold, px};
use super::colours::{INK, MARK, STEPS, on_step, step};
use super::estimates::hint;
use super::lines::{longest, number};
use crate::labels::{self, LINE_PX};

/// Fields up to which each one answers to the pointer.
const POINTED: usize = 700;

/// Values and the steps of their colours.
struct Steps {
    low: f64,
    high: f64,
    is_diverging: bool,
}

impl Steps {
    fn new(heatmap: &Heatmap) -> Self {
        let finite = heatmap.values.iter().flatten().copied().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let [low, high] = match (heatmap.range, heatmap.scale) {
            (Some(range), _) => range,
            (None, ColourScale::Sequential) => [low, high],
            (None, ColourScale::Diverging { centre }) => {
                let reach = (high - centre).abs().max((centre - low).abs());
                [centre - reach, centre + reach]
            }
        };
        Self { low, high, is_diverging: heatmap.scale != ColourScale::Sequential }
    }

    fn of(&self, value: f64) -> usize {
        if self.high <= self.low {
            return STEPS / 2;
        }
        let place = (value - self.low) / (self.high - self.low) * STEPS as f64;
        place.clamp(0.0, STEPS as f64 - 1.0) as usize
    }
}

pub(super) fn draw(chart: &Chart, heatmap: &Heatmap, width: f64) -> String {
    let mut canvas = Canvas::new(width);
    let steps = Steps::new(heatmap);
    let names = |ticks: &Ticks| -> Vec<String> {
        match ticks {
            Ticks::Labels(labels) => labels.clone(),
            Ticks::Values(values) => values.iter().map(|value| number(*value)).collect(),
        }
    };
    let (columns, mut rows) = (names(&heatmap.x), names(&heatmap.y));
    // Numbers go upwards, words downwards.
    let is_upward = matches!(heatmap.y, Ticks::Values(_));
    let mut values: Vec<&Vec<f64>> = heatmap.values.iter().collect();
    if is_upward {
        rows.reverse();
        values.reverse();
    }
    let room = longest(rows.iter().map(String::as_str)).min(width * 0.34);
    let (left, right) = (room + 14.0, width - 4.0);
    let cell = (right - left) / columns.len().max(1) as f64;
    let tallest = if canvas.is_narrow() { 34.0 } else { 40.0 };
    let height = cell.min(tallest).max((150.0 / rows.len().max(1) as f64).min(24.0)).max(3.0);

    let mut top = colour_bar(&mut canvas, &steps, &heatmap.quantity);
    let y_heading = chart.y.heading();
    if !y_heading.is_empty() {
        canvas.text([0.0, top + 12.0], Hold::Start, &labels::shortened(&y_heading, width), "");
        top += LINE_PX + 4.0;
    }
    let bottom = top + height * rows.len() as f64;
    let area = Area { left, right, top, bottom };
    let every = (LINE_PX / height).ceil().max(1.0) as usize;
    let ink = format!(" fill=\"{INK}\"");
    for (index, name) in rows.iter().enumerate().filter(|(index, _)| index % every == 0) {
        let y = top + height * (index as f64 + 0.5) + 4.0;
        canvas.text([left - 7.0, y], Hold::End, &labels::shortened(name, room), &ink);
    }
    fields(&mut canvas, heatmap, &steps, &values, area, [cell, height], is_upward);
    let under = column_names(&mut canvas, &columns, area, cell);
    canvas.x_title(area, &chart.x, under);
    let mut end = under + if chart.x.heading().is_empty() { 8.0 } else { 28.0 };
    end = marks(&mut canvas, heatmap, area, [cell, height], is_upward, end);
    canvas.finish(&chart.title, end)
}

/// The colours with what they mean; gives the height that they take.
fn colour_bar(canvas: &mut Canvas, steps: &Steps, quantity: &str) -> f64 {
    let low = number(steps.low);
    let high = number(steps.high);
    let quantity = labels::shortened(quantity, canvas.width * 0.5);
    let mut x = 0.0;
    if !quantity.is_empty() {
        canvas.text([0.0, 14.0], Hold::Start, &quantity, "");
        x = labels::width(&quantity) + 12.0;
    }
    canvas.text([x, 14.0], Hold::Start, &low, "");
    x += labels::width(&low) + 6.0;
    let wide = if canvas.is_narrow() { 8.0 } else { 14.0 };
    for index in 0..STEPS {
        let (at, colour) = (px(x + wide * index as f64), step(index, steps.is_diverging));
        canvas.push(format_args!(
            "<rect x=\"{at}\" y=\"4\" width=\"{}\" height=\"12\" fill=\"{colour}\"/>",
            px(wide + 0.3)
        ));
    }
    canvas.text([x + wide * STEPS as f64 + 6.0, 14.0], Hold::Start, &high, "");
    26.0
}

/// The fields, those of one colour together.
fn fields(
    canvas: &mut Canvas,
    heatmap: &Heatmap,
    steps: &Steps,
    values: &[&Vec<f64>],
    area: Area,
    [cell, height]: [f64; 2],
    is_upward: bool,
) {
    let n_fields = values.len() * heatmap.x.len();
    let gap = if n_fields <= 900 { 1.0 } else { 0.0 };
    let has_numbers = heatmap.numbers && cell >= 30.0 && height >= 15.0;
    let is_pointed = n_fields <= POINTED;
    let mut words = String::new();
    for colour in 0..STEPS {
        let mut path = String::new();
        let mut group = String::new();
        for (row, line) in values.iter().enumerate() {
            for (column, &value) in line.iter().enumerate() {
                if value.is_nan() || steps.of(value) != colour {
                    continue;
                }
                let (x, y) = (area.left + cell * column as f64, area.top + height * row as f64);
                let [x_px, y_px] = [x, y].map(px);
                let [w, h] = [(cell - gap).max(0.5), (height - gap).max(0.5)].map(px);
                if is_pointed {
                    let source = if is_upward { values.len() - 1 - row } else { row };
                    let names = [&*heatmap.y.text(source), &*heatmap.x.text(column)];
                    let hint = hint(&names, &number(value));
                    group += &format!(
                        "<rect x=\"{x_px}\" y=\"{y_px}\" width=\"{w}\" height=\"{h}\">{hint}</rect>"
                    );
                } else {
                    path += &format!("M{x_px} {y_px}h{w}v{h}h-{w}z");
                }
                if has_numbers {
                    let [at, base] = [x + cell / 2.0, y + height / 2.0 + 4.0].map(px);
                    let on = on_step(colour, steps.is_diverging);
                    words += &format!(
                        "<text x=\"{at}\" y=\"{base}\" fill=\"{on}\">{}</text>",
                        format::number(value, 2)
                    );
                }
            }
        }
        if path.is_empty() && group.is_empty() {
            continue;
        }
        let fill = step(colour, steps.is_diverging);
        if !path.is_empty() {
            group = format!("<path d=\"{path}\"/>");
        }
        canvas.push(format_args!("<g fill=\"{fill}\">{group}</g>"));
    }
    if !words.is_empty() {
        canvas.push(format_args!(
            "<g text-anchor=\"middle\" font-size=\"11\" pointer-events=\"none\">{words}</g>"
        ));
    }
}

/// Names below the columns: lying, slanted, or only some of them; gives the lowest baseline.
fn column_names(canvas: &mut Canvas, columns: &[String], area: Area, cell: f64) -> f64 {
    let widest = longest(columns.iter().map(String::as_str));
    let middle = |index: usize| area.left + cell * (index as f64 + 0.5);
    if widest + 4.0 <= cell || widest <= 40.0 {
        let every = ((widest + 6.0) / cell).ceil().max(1.0) as usize;
        for (index, name) in columns.iter().enumerate().filter(|(index, _)| index % every == 0) {
            canvas.text([middle(index), area.bottom + 16.0], Hold::Middle, name, "");
        }
        return area.bottom + 16.0;
    }
    let every = (LINE_PX / cell).ceil().max(1.0) as usize;
    let room = widest.min(150.0).min(1.3 * (area.left + cell / 2.0)).max(60.0);
    for (index, name) in columns.iter().enumerate().filter(|(index, _)| index % every == 0) {
        let (x, y) = (middle(index) + 4.0, area.bottom + 12.0);
        let turn = format!(" transform=\"rotate(-40 {} {})\"", px(x), px(y));
        canvas.text([x, y], Hold::End, &labels::shortened(name, room), &turn);
    }
    area.bottom + 14.0 + 0.64 * room
}

/// Frames around the marked fields, numbered, and their names below; gives where the drawing ends.
fn marks(
    canvas: &mut Canvas,
    heatmap: &Heatmap,
    area: Area,
    [cell, height]: [f64; 2],
    is_upward: bool,
    mut end: f64,
) -> f64 {
    let ink = format!(" fill=\"{INK}\"");
    for (index, mark) in heatmap.marks.iter().enumerate() {
        let row = if is_upward { heatmap.values.len() - 1 - mark.row } else { mark.row };
        let (x, y) = (area.left + cell * mark.column as f64, area.top + height * row as f64);
        let [x_px, y_px, w, h] = [x - 1.0, y - 1.0, cell + 1.0, height + 1.0].map(px);
        canvas.push(format_args!(
            "<rect x=\"{x_px}\" y=\"{y_px}\" width=\"{w}\" height=\"{h}\" rx=\"2\" fill=\"none\" stroke=\"{MARK}\" \
             stroke-width=\"2.4\" pointer-events=\"none\"/>"
        ));
        let number = (index + 1).to_string();
        if cell >= 14.0 && !heatmap.numbers {
            let at = [x + cell / 2.0, y + height / 2.0 + 4.0];
            canvas.text(
                at,
                Hold::Middle,
                &number,
                &format!(" fill=\"{MARK}\" font-weight=\"700\""),
            );
        }
        let [from, to] = [end, 12.0].map(px);
        canvas.push(format_args!(
            "<rect x=\"1\" y=\"{from}\" width=\"{to}\" height=\"{to}\" rx=\"2\" fill=\"none\" stroke=\"{MARK}\" \
             stroke-width=\"2.4\"/>"
        ));
        for line in labels::lines(&format!("{number} {}", mark.label), canvas.width - 24.0) {
            canvas.text([20.0, end + 10.0], Hold::Start, &line, &ink);
            end += LINE_PX;
        }
        end += 4.0;
    }
    canvas.frame_line([area.left, area.bottom], [area.right, area.bottom]);
    end
}
