//! Transforms: there and back, bands, and what exchanging all bands means.

use ndarray::{Array2, array};
use proptest::prelude::*;
use rand::RngExt;
use simbias_data::ImageShape;
use simbias_data::synth::haar_rotation;
use simbias_data::transform::{
    Dct2, Fft2, Identity, InverseOrigin, LinearTransform, RadialBand, Transform, TransformError,
    check_round_trip, round_trip_error,
};
use simbias_stats::Seed;

fn random_rows(n_rows: usize, n_columns: usize, seed: u64) -> Array2<f32> {
    let mut stream = Seed::new(seed).child("test/rows", 0).stream();
    Array2::from_shape_simple_fn((n_rows, n_columns), || stream.random_range(-3.0..3.0_f32))
}

fn shapes() -> impl Strategy<Value = ImageShape> {
    (1..4_usize, 1..14_usize, 1..14_usize).prop_map(|(channels, height, width)| ImageShape {
        channels,
        height,
        width,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn image_transforms_round_trip(shape in shapes(), seed in 0..1000_u64) {
        let rows = random_rows(5, shape.n_features(), seed);
        let all: [&dyn Transform; 2] = [&Fft2::new(shape).unwrap(), &Dct2::new(shape).unwrap()];
        for transform in all {
            prop_assert!(round_trip_error(transform, rows.view()) < 1e-5);
            // Both are orthogonal: lengths stay.
            let coefficients = transform.forward(rows.view());
            let length =
                |values: &Array2<f32>| values.iter().map(|v| f64::from(v * v)).sum::<f64>();
            prop_assert!((length(&coefficients) / length(&rows) - 1.0).abs() < 1e-4);
            prop_assert!(transform.dropped_share(coefficients.view()) < 1e-5);
        }
    }

    #[test]
    fn bands_cover_every_coefficient_once(shape in shapes(), n_bands in 1..6_usize) {
        let fft = Fft2::new(shape).unwrap();
        let dct = Dct2::new(shape).unwrap();
        let bands = RadialBand::partition(n_bands);
        for n_coefficients in [fft.n_coefficients(), dct.n_coefficients()] {
            let mut seen = vec![0; n_coefficients];
            for &band in &bands {
                let columns = if n_coefficients == fft.n_coefficients() {
                    fft.band_columns(band)
                } else {
                    dct.band_columns(band)
                };
                // Small images have no coefficient in some rings.
                for column in columns.unwrap_or_default() {
                    seen[column] += 1;
                }
            }
            prop_assert!(seen.iter().all(|&count| count == 1));
        }
    }

    #[test]
    fn exchanging_a_band_keeps_images_real(shape in shapes(), seed in 0..1000_u64) {
        let fft = Fft2::new(shape).unwrap();
        let rows = random_rows(2, shape.n_features(), seed);
        let coefficients = fft.forward(rows.view());
        for band in RadialBand::partition(3) {
            let mut mixed = coefficients.clone();
            for column in fft.band_columns(band).unwrap_or_default() {
                mixed[[0, column]] = coefficients[[1, column]];
            }
            prop_assert!(fft.dropped_share(mixed.view()) < 1e-5);
        }
    }
}

#[test]
fn exchanging_all_bands_exchanges_the_images() {
    let shape = ImageShape { channels: 2, height: 9, width: 6 };
    let rows = random_rows(2, shape.n_features(), 4);
    let fft = Fft2::new(shape).unwrap();
    let dct = Dct2::new(shape).unwrap();
    let bands = RadialBand::partition(4);
    let fft_columns = bands.iter().map(|&band| fft.band_columns(band).unwrap());
    let dct_columns = bands.iter().map(|&band| dct.band_columns(band).unwrap());
    let all: [(&dyn Transform, Vec<Vec<usize>>); 2] =
        [(&fft, fft_columns.collect()), (&dct, dct_columns.collect())];
    for (transform, columns_of_bands) in all {
        let coefficients = transform.forward(rows.view());
        let mut swapped = coefficients.clone();
        for column in columns_of_bands.into_iter().flatten() {
            swapped.swap([0, column], [1, column]);
        }
        let images = transform.inverse(swapped.view());
        for (new, old) in [(0, 1), (1, 0)] {
            let difference = &images.row(new) - &rows.row(old);
            assert!(difference.iter().all(|value| value.abs() < 1e-5));
        }
    }
}

/// A cosine of a known frequency lies in the band around it and nowhere else.
#[test]
fn a_wave_lies_in_its_band() {
    let shape = ImageShape { channels: 1, height: 8, width: 16 };
    let cycles_per_pixel = 3.0 / 16.0;
    let mut wave = Array2::<f32>::zeros((1, shape.n_features()));
    for row in 0..8 {
        for column in 0..16 {
            let angle = std::f64::consts::TAU * cycles_per_pixel * column as f64;
            wave[[0, shape.column(0, row, column)]] = angle.cos() as f32;
        }
    }
    let fft = Fft2::new(shape).unwrap();
    let coefficients = fft.forward(wave.view());
    let band = RadialBand { low: cycles_per_pixel - 0.01, high: cycles_per_pixel + 0.01 };
    let inside = fft.band_columns(band).unwrap();
    for (column, value) in coefficients.row(0).indexed_iter() {
        assert!(value.abs() < 1e-4 || inside.contains(&column), "{column}: {value}");
    }
    let energy: f32 = inside.iter().map(|&column| coefficients[[0, column]].powi(2)).sum();
    assert!((energy - 64.0).abs() < 1e-3, "{energy}");
}

#[test]
fn an_asymmetric_change_is_noticed() {
    let shape = ImageShape { channels: 1, height: 4, width: 4 };
    let fft = Fft2::new(shape).unwrap();
    let mut coefficients = fft.forward(random_rows(1, 16, 1).view());
    coefficients[[0, 2]] += 1.0;
    assert!(fft.dropped_share(coefficients.view()) > 1e-3);
}

#[test]
fn empty_bands_and_images_are_refused() {
    let shape = ImageShape { channels: 1, height: 4, width: 4 };
    let fft = Fft2::new(shape).unwrap();
    for band in [RadialBand { low: 0.3, high: 0.2 }, RadialBand { low: 0.8, high: 0.9 }] {
        assert!(matches!(fft.band_columns(band), Err(TransformError::EmptyBand { .. })));
    }
    assert!(Fft2::new(ImageShape { height: 0, ..shape }).is_err());
    assert!(Dct2::new(ImageShape { channels: 0, ..shape }).is_err());
}

#[test]
fn a_rotation_is_undone_by_its_transpose() {
    let rotation = haar_rotation(20, Seed::new(2));
    let coordinates = random_rows(700, 20, 3);
    let rows = coordinates.mapv(f64::from).dot(&rotation).mapv(|value| value as f32);
    let transform = LinearTransform::new(rotation.view()).unwrap();
    assert_eq!(transform.inverse_origin(), InverseOrigin::Transpose);
    let difference = &transform.forward(rows.view()) - &coordinates;
    assert!(difference.iter().all(|value| value.abs() < 1e-5));
    assert!(check_round_trip(&transform, rows.view()).is_ok());
    // A Fortran-ordered matrix is the same matrix.
    let fortran = rotation.t().as_standard_layout().into_owned();
    assert_eq!(LinearTransform::new(fortran.t()).unwrap(), transform);
}

#[test]
fn a_general_matrix_is_inverted_and_said_so() {
    // The zero in the corner needs a row exchange.
    let matrix = array![[0.0, 2.0, 1.0], [1.0, 0.0, 0.0], [3.0, 1.0, 4.0]];
    let transform = LinearTransform::new(matrix.view()).unwrap();
    let origin = transform.inverse_origin();
    assert!(matches!(origin, InverseOrigin::Computed { condition } if condition > 1.0));
    let rows = random_rows(50, 3, 5);
    assert!(round_trip_error(&transform, rows.view()) < 1e-5);
    let direct = rows.mapv(f64::from).dot(&matrix.t());
    let difference = transform.forward(rows.view()).mapv(f64::from) - direct;
    assert!(difference.iter().all(|value| value.abs() < 1e-4));
}

#[test]
fn supplied_inverses_are_checked() {
    let matrix = array![[2.0, 0.0], [1.0, 1.0]];
    let inverse = array![[0.5, 0.0], [-0.5, 1.0]];
    let transform = LinearTransform::with_inverse(matrix.view(), inverse.view()).unwrap();
    assert_eq!(transform.inverse_origin(), InverseOrigin::Supplied);
    assert!(round_trip_error(&transform, random_rows(9, 2, 6).view()) < 1e-6);
    assert!(matches!(
        LinearTransform::with_inverse(matrix.view(), inverse.t()),
        Err(TransformError::NotTheInverse { .. })
    ));
}

#[test]
fn unusable_matrices_are_refused() {
    let singular = array![[1.0, 2.0], [2.0, 4.0]];
    assert!(matches!(LinearTransform::new(singular.view()), Err(TransformError::Singular { .. })));
    assert!(matches!(
        LinearTransform::new(Array2::zeros((2, 3)).view()),
        Err(TransformError::NotSquare { .. })
    ));
    assert!(matches!(
        LinearTransform::new(array![[1.0, f64::NAN], [0.0, 1.0]].view()),
        Err(TransformError::NotFinite { row: 0, column: 1, .. })
    ));
}

#[test]
fn a_wrong_pair_fails_the_round_trip() {
    struct Lossy;
    impl Transform for Lossy {
        fn n_features(&self) -> usize {
            2
        }
        fn forward(&self, rows: ndarray::ArrayView2<'_, f32>) -> Array2<f32> {
            rows.to_owned()
        }
        fn inverse(&self, coefficients: ndarray::ArrayView2<'_, f32>) -> Array2<f32> {
            coefficients.mapv(|value| value * 1.001)
        }
    }
    let rows = random_rows(10, 2, 7);
    assert!(matches!(check_round_trip(&Lossy, rows.view()), Err(TransformError::RoundTrip { .. })));
    let identity = Identity::new(2);
    assert_eq!(round_trip_error(&identity, rows.view()), 0.0);
    assert!(matches!(
        check_round_trip(&identity, random_rows(3, 5, 1).view()),
        Err(TransformError::WrongColumns { found: 5, expected: 2 })
    ));
}
