//! Properties of whole images, each a number: brightness, colour, contrast, sharpness, border, corners, parts, frequencies.

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;
use simbias_data::ImageShape;
use simbias_data::transform::{Fft2, Transform};

/// Rings of spatial frequency.
const N_RINGS: usize = 4;
/// Cycles per pixel at the corner of the spectrum.
const HIGHEST: f64 = std::f64::consts::FRAC_1_SQRT_2;

/// All properties of the images in `rows`, `[n_rows, shape]`: name and one value per row.
pub(super) fn properties(rows: ArrayView2<'_, f32>, shape: ImageShape) -> Vec<(String, Vec<f64>)> {
    let pixels = Pixels { shape };
    let mut names: Vec<String> = vec!["brightness".into(), "contrast".into(), "sharpness".into()];
    let colours: &[&str] = match shape.channels {
        3 => &["red", "green", "blue"],
        _ => &[],
    };
    names.extend(colours.iter().map(|colour| format!("{colour} against the other colours")));
    if shape.channels == 3 {
        names.push("saturation".into());
    }
    let border = pixels.border();
    names.push("usual brightness of the border".into());
    names.extend(colours.iter().map(|colour| format!("usual {colour} of the border")));
    let parts = pixels.parts();
    names.extend(parts.iter().map(|(name, _)| format!("brightness of the {name}")));
    let spectrum = Fft2::new(shape).ok();
    let rings = spectrum.as_ref().map_or_else(Vec::new, rings);
    names.extend((0..rings.len()).map(|ring| format!("strength of the {}", ring_name(ring))));

    let per_row: Vec<Vec<f64>> = rows
        .outer_iter()
        .into_par_iter()
        .map(|row| {
            let mut values =
                vec![pixels.brightness(row), pixels.contrast(row), pixels.sharpness(row)];
            if shape.channels == 3 {
                let means = pixels.channel_means(row);
                let all: f64 = means.iter().sum();
                values.extend(means.iter().map(|mean| mean - (all - mean) / 2.0));
                values.push(pixels.saturation(row));
            }
            // The usual value, which what reaches the border does not change.
            let usual: Vec<f64> = border.iter().map(|columns| median_of(row, columns)).collect();
            let all: f64 = usual.iter().sum();
            values.push(all / usual.len() as f64);
            if shape.channels == 3 {
                values.extend(usual.iter().map(|own| own - (all - own) / 2.0));
            }
            values.extend(parts.iter().map(|(_, columns)| mean_of(row, columns)));
            values
        })
        .collect();
    let mut by_property: Vec<Vec<f64>> = (0..names.len() - rings.len())
        .map(|index| per_row.iter().map(|row| row[index]).collect())
        .collect();
    if let Some(spectrum) = spectrum.filter(|_| !rings.is_empty()) {
        let spectrum = spectrum.forward(rows);
        for coordinates in &rings {
            by_property.push(
                spectrum
                    .outer_iter()
                    .map(|row| {
                        let energy: f64 =
                            coordinates.iter().map(|&c| f64::from(row[c]).powi(2)).sum();
                        (energy / coordinates.len() as f64 + f64::MIN_POSITIVE).ln()
                    })
                    .collect(),
            );
        }
    }
    names.into_iter().zip(by_property).collect()
}

fn ring_name(ring: usize) -> &'static str {
    ["coarsest shapes", "coarse shapes", "fine details", "finest details"][ring]
}

/// Coordinates of the spectrum in each ring, without the mean; empty for images too small to have all of them.
fn rings(transform: &Fft2) -> Vec<Vec<usize>> {
    let mut rings = vec![Vec::new(); N_RINGS];
    for (coordinate, frequency) in transform.frequencies().into_iter().enumerate() {
        if frequency > 0.0 {
            let ring = (frequency / HIGHEST * N_RINGS as f64) as usize;
            rings[ring.min(N_RINGS - 1)].push(coordinate);
        }
    }
    if rings.iter().any(Vec::is_empty) { Vec::new() } else { rings }
}

fn mean_of(row: ArrayView1<'_, f32>, columns: &[usize]) -> f64 {
    columns.iter().map(|&column| f64::from(row[column])).sum::<f64>() / columns.len() as f64
}

fn median_of(row: ArrayView1<'_, f32>, columns: &[usize]) -> f64 {
    let mut values: Vec<f32> = columns.iter().map(|&column| row[column]).collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).map_or(0.0, |&value| f64::from(value))
}

struct Pixels {
    shape: ImageShape,
}

impl Pixels {
    fn brightness(&self, row: ArrayView1<'_, f32>) -> f64 {
        row.iter().map(|&value| f64::from(value)).sum::<f64>() / row.len() as f64
    }

    /// Standard deviation of all values.
    fn contrast(&self, row: ArrayView1<'_, f32>) -> f64 {
        let mean = self.brightness(row);
        let spread = row.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>();
        (spread / row.len() as f64).sqrt()
    }

    /// Mean absolute difference of neighbouring pixels.
    fn sharpness(&self, row: ArrayView1<'_, f32>) -> f64 {
        let ImageShape { channels, height, width } = self.shape;
        let at = |channel, y, x| f64::from(row[self.shape.column(channel, y, x)]);
        let (mut sum, mut n) = (0.0, 0.0);
        for channel in 0..channels {
            for y in 0..height {
                for x in 0..width {
                    if x + 1 < width {
                        sum += (at(channel, y, x + 1) - at(channel, y, x)).abs();
                        n += 1.0;
                    }
                    if y + 1 < height {
                        sum += (at(channel, y + 1, x) - at(channel, y, x)).abs();
                        n += 1.0;
                    }
                }
            }
        }
        if n > 0.0 { sum / n } else { 0.0 }
    }

    fn channel_means(&self, row: ArrayView1<'_, f32>) -> Vec<f64> {
        let n_pixels = self.shape.height * self.shape.width;
        (0..self.shape.channels)
            .map(|channel| {
                let start = channel * n_pixels;
                let values = row.iter().skip(start).take(n_pixels);
                values.map(|&value| f64::from(value)).sum::<f64>() / n_pixels as f64
            })
            .collect()
    }

    /// Mean distance between the strongest and the weakest colour of a pixel.
    fn saturation(&self, row: ArrayView1<'_, f32>) -> f64 {
        let ImageShape { channels, height, width } = self.shape;
        let mut sum = 0.0;
        for y in 0..height {
            for x in 0..width {
                let colours =
                    (0..channels).map(|channel| f64::from(row[self.shape.column(channel, y, x)]));
                let (low, high) = colours
                    .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                        (low.min(value), high.max(value))
                    });
                sum += high - low;
            }
        }
        sum / (height * width) as f64
    }

    /// Columns of the border of one pixel, for every channel.
    fn border(&self) -> Vec<Vec<usize>> {
        let ImageShape { channels, height, width } = self.shape;
        let is_border = |y: usize, x: usize| y == 0 || x == 0 || y + 1 == height || x + 1 == width;
        let pixels: Vec<(usize, usize)> = (0..height)
            .flat_map(|y| (0..width).map(move |x| (y, x)))
            .filter(|&(y, x)| is_border(y, x))
            .collect();
        (0..channels)
            .map(|channel| pixels.iter().map(|&(y, x)| self.shape.column(channel, y, x)).collect())
            .collect()
    }

    /// Named parts of the image and their columns: the border of one pixel, the corners, a 3×3 grid.
    fn parts(&self) -> Vec<(String, Vec<usize>)> {
        let ImageShape { height, width, .. } = self.shape;
        if height < 3 || width < 3 {
            return Vec::new();
        }
        let (corner_height, corner_width) = (height.div_ceil(8), width.div_ceil(8));
        let top = move |y: usize| y < corner_height;
        let bottom = move |y: usize| y >= height - corner_height;
        let left = move |x: usize| x < corner_width;
        let right = move |x: usize| x >= width - corner_width;
        type Inside = Box<dyn Fn(usize, usize) -> bool>;
        let mut parts: Vec<(String, Inside)> = vec![
            (
                "border".into(),
                Box::new(move |y, x| y == 0 || x == 0 || y == height - 1 || x == width - 1),
            ),
            ("upper left corner".into(), Box::new(move |y, x| top(y) && left(x))),
            ("upper right corner".into(), Box::new(move |y, x| top(y) && right(x))),
            ("lower left corner".into(), Box::new(move |y, x| bottom(y) && left(x))),
            ("lower right corner".into(), Box::new(move |y, x| bottom(y) && right(x))),
        ];
        for (row, vertical) in ["upper", "middle", "lower"].into_iter().enumerate() {
            for (column, horizontal) in ["left", "middle", "right"].into_iter().enumerate() {
                let name = match (row, column) {
                    (1, 1) => "centre".into(),
                    _ => format!("{vertical} {horizontal} ninth"),
                };
                let rows = row * height / 3..(row + 1) * height / 3;
                let columns = column * width / 3..(column + 1) * width / 3;
                parts.push((name, Box::new(move |y, x| rows.contains(&y) && columns.contains(&x))));
            }
        }
        parts.into_iter().map(|(name, inside)| (name, self.columns(&inside))).collect()
    }

    fn columns(&self, inside: &dyn Fn(usize, usize) -> bool) -> Vec<usize> {
        let ImageShape { channels, height, width } = self.shape;
        let mut columns = Vec::new();
        for channel in 0..channels {
            for y in 0..height {
                for x in 0..width {
                    if inside(y, x) {
                        columns.push(self.shape.column(channel, y, x));
                    }
                }
            }
        }
        columns
    }
}
