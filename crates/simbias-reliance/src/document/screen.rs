//! Single columns, or single properties of images, in a report.

use simbias_report::{Cell, Column, Section, Table, Tone};

use crate::screen::{AlarmKind, FeatureKind, Screen, WholeModel};

/// Rows of the table.
const MOST_SHOWN: usize = 40;

/// The table of what single columns tell by themselves, beside a model whose metric is `model`.
pub(super) fn screen_section(screen: &Screen, model: WholeModel<'_>) -> Section {
    let metric = screen.metric.title();
    let alarms = screen.alarms(model);
    let are_properties =
        screen.features.first().is_some_and(|first| first.kind == FeatureKind::ImageProperty);
    let what = if are_properties { "property of the image" } else { "column" };
    let mut table = Table::new("screen", "Alone, the best first")
        .column(Column::new(what))
        .column(Column::new(metric).help("on rows that it was not fitted on"))
        .column(Column::new("by").help("the predictor that did best"))
        .column(Column::new("alarm"));
    for feature in screen.features.iter().take(MOST_SHOWN) {
        let alarm = alarms.iter().find(|alarm| std::ptr::eq(alarm.feature, feature));
        let alarm = alarm.map_or(Cell::Empty, |alarm| match alarm.kind {
            AlarmKind::TellsAll => Cell::Tag { text: "tells the target".into(), tone: Tone::Bad },
            AlarmKind::Better => {
                Cell::Tag { text: "better than the model".into(), tone: Tone::Bad }
            }
            AlarmKind::WithoutModel => {
                Cell::Tag { text: "predicts; the model does not".into(), tone: Tone::Bad }
            }
            AlarmKind::NearlyAsGood => {
                Cell::Tag { text: "nearly as good".into(), tone: Tone::Caution }
            }
        });
        table = table.row([
            Cell::from(feature.name.as_str()),
            Cell::from(feature.metric.clone()),
            Cell::from(feature.predictor.words()),
            alarm,
        ]);
    }
    let more = match screen.features.len().saturating_sub(MOST_SHOWN) {
        0 => String::new(),
        n => format!(" {n} more are in the result file."),
    };
    let words = if are_properties {
        "Each property of whole images predicts the target by itself, without any network: brightness, colour, \
         contrast, sharpness, border, corners, parts and frequencies."
    } else {
        "Each column predicts the target by itself, without any network: by its order, by bins, by a small tree or by \
         its categories."
    };
    Section::new("screen", if are_properties { "Single properties" } else { "Single columns" })
        .prose(format!(
            "{words} {} rows in five parts, each predicted from the other four.{more}",
            screen.n_rows
        ))
        .table(table)
}
