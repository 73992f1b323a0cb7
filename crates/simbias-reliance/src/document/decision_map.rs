//! Scores over two coordinates.

use simbias_report::{Axis, Chart, Heatmap, Ticks};

use crate::decision_map::DecisionMap;

/// Scores over two coordinates, the others taken from sampled rows.
pub fn decision_chart(map: &DecisionMap) -> Chart {
    let heatmap = Heatmap::new(
        Ticks::Values(map.x.clone()),
        Ticks::Values(map.y.clone()),
        map.scores.outer_iter().map(|row| row.to_vec()).collect(),
    )
    .quantity("mean score")
    .diverging(0.0);
    Chart::new("decision-map", "Decision map", heatmap)
        .caption(format!(
            "Mean score over {} while two coordinates vary; zero is the decision boundary.",
            map.others
        ))
        .x(Axis::new(map.x_name.clone()))
        .y(Axis::new(map.y_name.clone()))
}
