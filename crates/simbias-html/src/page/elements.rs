//! Panels: charts and pictures.

use simbias_report::{Chart, Charts, Images, PictureGrid};

use super::Page;
use crate::escape::html;
use crate::figure::{NARROW, WIDE, drawing};
use crate::{picture, picture_grid};

impl Page {
    /// Opens a panel with its heading and buttons; gives the heading's id.
    pub(super) fn panel(&mut self, id: &str, title: &str, buttons: &str) -> String {
        let anchor = self.anchor(id);
        self.push(&format!(
            "<figure class=\"panel\" id=\"{anchor}\" aria-labelledby=\"{anchor}-h\">\n\
             <div class=\"head\"><h3 id=\"{anchor}-h\">{}</h3><div class=\"tools\">{buttons}</div></div>\n",
            html(title)
        ));
        format!("{anchor}-h")
    }

    pub(super) fn caption(&mut self, caption: &str) {
        if !caption.is_empty() {
            self.push(&format!("<figcaption>{}</figcaption>\n", html(caption)));
        }
    }

    /// The button that saves the next CSV file.
    pub(super) fn csv_button(&mut self) -> String {
        let index = self.files_used;
        self.files_used += 1;
        let name = html(self.packed.file_name(index));
        format!(
            "<button type=\"button\" class=\"quiet\" data-csv=\"{index}\" \
             aria-label=\"Save data as {name}\" title=\"{name}\">CSV</button>"
        )
    }

    /// The buttons that save a chart and its data.
    pub(super) fn chart_buttons(&mut self) -> String {
        let csv = self.csv_button();
        let picture = |kind: &str| {
            format!(
                "<button type=\"button\" class=\"quiet\" data-save=\"{}\" aria-label=\"Save chart as {kind}\">{kind}</button>",
                kind.to_lowercase()
            )
        };
        picture("SVG") + &picture("PNG") + &csv
    }

    /// The chart for wide and for narrow screens, of which the style shows one.
    pub(super) fn drawings(&mut self, chart: &Chart, widths: [f64; 2]) {
        if chart.is_empty() {
            self.push("<p class=\"nothing\">There is nothing to draw.</p>\n");
            return;
        }
        let [wide, narrow] = widths.map(|width| drawing(chart, width));
        self.push(&format!(
            "<div class=\"plot\"><div class=\"wide-plot\">{wide}</div><div class=\"narrow-plot\">{narrow}</div></div>\n"
        ));
    }

    pub(super) fn pictures(&mut self, grid: &PictureGrid) {
        self.panel(&grid.id, &grid.title, "");
        self.caption(&grid.caption);
        self.push(&picture_grid::markup(grid));
        self.push("</figure>\n");
    }

    pub(super) fn chart(&mut self, chart: &Chart) {
        let buttons = if chart.is_empty() { self.csv_button() } else { self.chart_buttons() };
        self.panel(&chart.id, &chart.title, &buttons);
        self.caption(&chart.caption);
        self.drawings(chart, [WIDE, NARROW]);
        self.push("</figure>\n");
    }

    /// One chart, with a list from which another one is chosen.
    pub(super) fn charts(&mut self, charts: &Charts) {
        let drawn: Vec<&Chart> = charts.items.iter().filter(|chart| !chart.is_empty()).collect();
        let buttons = if drawn.is_empty() { self.csv_button() } else { self.chart_buttons() };
        self.panel(&charts.id, &charts.title, &buttons);
        self.caption(&charts.caption);
        let Some(first) = drawn.first() else {
            self.push("<p class=\"nothing\">There is nothing to draw.</p>\n</figure>\n");
            return;
        };
        if drawn.len() > 1 {
            let drawings = drawn
                .iter()
                .map(|chart| [WIDE, NARROW].map(|width| drawing(chart, width)))
                .collect();
            let index = self.packed.add_charts(drawings);
            self.push(&format!(
                "<div class=\"choice\"><button type=\"button\" class=\"quiet\" data-step=\"-1\" aria-label=\"Previous {0}\">‹</button>\
                 <label><span>{0}</span> <select data-charts=\"{index}\">",
                html(&charts.choice)
            ));
            for chart in &drawn {
                self.push(&format!("<option>{}</option>", html(&chart.title)));
            }
            self.push(&format!(
                "</select></label><button type=\"button\" class=\"quiet\" data-step=\"1\" aria-label=\"Next {0}\">›</button></div>\n",
                html(&charts.choice)
            ));
        }
        self.drawings(first, [WIDE, NARROW]);
        self.push("</figure>\n");
    }

    pub(super) fn images(&mut self, images: &Images) {
        self.panel(&images.id, &images.title, "");
        self.caption(&images.caption);
        self.push("<div class=\"gallery\">\n");
        for image in &images.items {
            let (width, height) = picture::shown_size(image);
            let caption = html(image.caption());
            self.push(&format!(
                "<figure><img alt=\"{caption}\" src=\"{}\" width=\"{width}\" height=\"{height}\" loading=\"lazy\">\
                 <figcaption>{caption}</figcaption></figure>\n",
                picture::data_uri(image),
            ));
        }
        self.push("</div>\n</figure>\n");
    }
}
