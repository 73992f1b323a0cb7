//! Bars side by side.

use serde_json::json;
use simbias_report::{BarsChart, Chart};

use super::canvas::{Canvas, series_colour};
use super::estimates::{estimate_hover, interval, whiskers};
use super::json::reals;
use crate::escape;

impl Canvas {
    pub(super) fn bars(&mut self, chart: &Chart, bars: &BarsChart) {
        let categories: Vec<&str> = bars.categories.iter().map(String::as_str).collect();
        let longest = categories.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        // Words need room: horizontal bars read well on a phone too.
        let lying = longest > 10 || categories.len() > 6;
        let places: Vec<usize> = (0..categories.len()).collect();
        for (g, series) in bars.series.iter().enumerate() {
            let colour = series_colour(g);
            let values: Vec<f64> = series.bars.iter().map(|bar| bar.value).collect();
            let intervals: Vec<_> = series.bars.iter().map(interval).collect();
            let hover: Vec<String> = categories
                .iter()
                .zip(&series.bars)
                .map(|(category, bar)| estimate_hover(&[category, &series.name], bar))
                .collect();
            let (along, across, error) =
                if lying { ("x", "y", "error_x") } else { ("y", "x", "error_y") };
            self.traces.push(json!({
                "type": "bar", "name": escape::chart(&series.name),
                "legendgroup": format!("g{g}"), "orientation": if lying { "h" } else { "v" },
                along: reals(&values), across: places,
                error: whiskers(&values, &intervals, "@ink/0.7"),
                "marker": { "color": format!("{colour}/0.88") },
                "text": hover, "textposition": "none",
                "hovertemplate": "%{text}<extra></extra>",
            }));
        }
        let values = bars
            .series
            .iter()
            .flat_map(|series| &series.bars)
            .flat_map(|bar| [bar.value, bar.low, bar.high]);
        // Bars start at zero; air only where they end.
        let value_ends = chart.y.range.or_else(|| {
            let lines = bars.references.iter().map(|line| line.value);
            let finite = values.chain(lines).filter(|value| value.is_finite());
            let (low, high) = finite.fold((0.0_f64, 0.0_f64), |(l, h), v| (l.min(v), h.max(v)));
            let air = 0.06 * (high - low).max(f64::MIN_POSITIVE);
            let low = if low < 0.0 { low - air } else { 0.0 };
            Some([low, if high > 0.0 { high + air } else { 0.0 }])
        });
        let value_ends = value_ends.filter(|[low, high]| low < high);
        self.layout.insert("barmode".into(), json!("group"));
        self.layout.insert("bargap".into(), json!(0.3));
        let (values_key, names_key) = if lying { ("xaxis", "yaxis") } else { ("yaxis", "xaxis") };
        self.axis(
            values_key,
            &chart.y,
            value_ends,
            &json!({ "zeroline": true, "zerolinecolor": "@rule" }),
        );
        self.named_axis(names_key, &chart.x, &categories, lying, false);
        if lying {
            self.x_references(&chart.y, value_ends, &bars.references);
            let row = (18 * bars.series.len() + 18).max(36);
            self.height = row * categories.len() + 52 + self.top as usize;
        } else {
            self.y_references(&chart.y, value_ends, &bars.references);
        }
        let names: Vec<&str> = bars.series.iter().map(|series| series.name.as_str()).collect();
        self.legend(&names);
    }
}
