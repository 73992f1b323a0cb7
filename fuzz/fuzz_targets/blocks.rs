//! Block definitions in TOML and in their short forms, met with an image data set and with a table.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ndarray::Array2;
use simbias_data::{ClassLabels, Dataset, ImageShape, Layout, Target};
use simbias_reliance::BlocksFile;

fn data(layout: Layout) -> Dataset {
    Dataset::new("fuzz", Array2::from_shape_fn((4, layout.n_features()), |(row, column)| {
            ((row * 7 + column * 3) % 5) as f32
        }), layout, Target::Classes(ClassLabels {
            indices: vec![0, 1, 0, 1],
            names: vec!["a".into(), "b".into()],
        }))
}

fuzz_target!(|text: &str| {
    let image = data(Layout::image(ImageShape { channels: 2, height: 6, width: 5 }));
    let table = data(Layout::array(vec![8]));
    let load = |name: &str| -> Result<Array2<f64>, String> {
        match name {
            "square" => Ok(Array2::eye(8)),
            "mask" => Ok(Array2::ones((6, 5))),
            _ => Err("no such file".into()),
        }
    };
    for file in
        [BlocksFile::from_toml(text), BlocksFile::from_short_form(text)].into_iter().flatten()
    {
        for data in [&image, &table] {
            for allow_overlap in [false, true] {
                let _ = file.resolve(data, allow_overlap, &load);
            }
        }
    }
});
