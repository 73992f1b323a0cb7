//! Image folders, lists of images, images in Parquet.

use std::{io::Cursor, path::Path};

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use simbias_data::{
    SplitOptions,
    read::{Missing, ReadOptions, decode_image},
    read_splits,
};
use tempfile::{TempDir, tempdir};

use super::{assert_says, classes, fixture, labelled_by, read, refusal, write};

fn encode(image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn gray(height: u32, width: u32, level: u8) -> Vec<u8> {
    encode(GrayImage::from_pixel(width, height, Luma([level])))
}

fn two_classes(folder: &TempDir, below: &str) {
    for (name, level) in [("cat/1.png", 0), ("cat/2.png", 51), ("dog/1.png", 255), ("dog/2.png", 1)]
    {
        write(folder, &format!("{below}{name}"), gray(2, 3, level));
    }
}

#[test]
fn the_subfolder_is_the_class() {
    let folder = tempdir().unwrap();
    two_classes(&folder, "");
    let dataset = read(folder.path(), &ReadOptions::default());
    assert_eq!(classes(&dataset), (vec!["cat", "dog"], &[0, 0, 1, 1][..]));
    assert_eq!(dataset.layout.tensors()[0].shape, [1, 2, 3]);
    assert_eq!(dataset.rows.column(0).to_vec(), [0.0, 0.2, 1.0, 1.0 / 255.0]);
}

#[test]
fn one_coloured_image_makes_all_three_channels() {
    let folder = tempdir().unwrap();
    two_classes(&folder, "");
    let mut colour = RgbImage::from_pixel(3, 2, Rgb([255, 0, 51]));
    colour.put_pixel(2, 1, Rgb([0, 255, 0]));
    write(&folder, "dog/3.png", encode(colour));
    let dataset = read(folder.path(), &ReadOptions::default());
    let shape = dataset.layout.image_shape().unwrap();
    assert_eq!((shape.channels, shape.height, shape.width), (3, 2, 3));
    assert_eq!(dataset.rows[[4, shape.column(0, 0, 0)]], 1.0);
    assert_eq!(dataset.rows[[4, shape.column(2, 1, 1)]], 0.2);
    assert_eq!(dataset.rows[[4, shape.column(1, 1, 2)]], 1.0);
    assert_eq!(dataset.rows[[4, shape.column(1, 0, 2)]], 0.0);
    assert_eq!(dataset.rows[[1, shape.column(2, 0, 0)]], 0.2);
}

#[test]
fn another_size_is_named_or_resized() {
    let folder = tempdir().unwrap();
    two_classes(&folder, "");
    write(&folder, "dog/3.png", gray(4, 6, 102));
    let error = simbias_data::read_dataset(folder.path(), &ReadOptions::default());
    assert_says(&error.unwrap_err().to_string(), &["3.png", "4x6", "2x3", "image size"]);
    let options = ReadOptions { image_size: Some((4, 2)), ..ReadOptions::default() };
    let dataset = read(folder.path(), &options);
    assert_eq!(dataset.layout.tensors()[0].shape, [1, 4, 2]);
    assert_eq!(dataset.rows[[4, 0]], 0.4);
    let options = ReadOptions { image_size: Some((0, 2)), ..ReadOptions::default() };
    assert_says(&refusal(folder.path(), &options), &["0x2"]);
}

#[test]
fn train_and_test_folders_are_parts() {
    let folder = tempdir().unwrap();
    two_classes(&folder, "train/");
    write(&folder, "test/dog/1.png", gray(2, 3, 9));
    write(&folder, "test/owl/1.png", gray(2, 3, 9));
    let options = SplitOptions { validation: 0.5, ..SplitOptions::default() };
    let split = read_splits(folder.path(), &ReadOptions::default(), &options).unwrap();
    assert_eq!(classes(&split.test.0), (vec!["cat", "dog", "owl"], &[1, 2][..]));
    assert_eq!(split.train.0.n_rows(), 2);
}

#[test]
fn folders_without_images_are_refused() {
    let folder = tempdir().unwrap();
    assert_says(&refusal(folder.path(), &ReadOptions::default()), &["no subfolder with images"]);
    write(&folder, "cat/1.png", b"not a picture");
    write(&folder, "dog/1.png", gray(1, 1, 0));
    let error = simbias_data::read_dataset(folder.path(), &ReadOptions::default()).unwrap_err();
    assert_says(&error.to_string(), &["cat/1.png", "PNG or JPEG"]);
    assert_says(&refusal(folder.path(), &labelled_by("kind")), &["subfolder", "\"kind\""]);
}

/// As the elpv data set is laid out: no header, blanks, path, probability, type.
#[test]
fn a_list_without_header_names_path_label_and_the_rest() {
    let folder = tempdir().unwrap();
    for (i, level) in [10, 20, 30].into_iter().enumerate() {
        write(&folder, &format!("images/{i}.png"), gray(2, 2, level));
    }
    let list = "images/0.png  1.0                 mono\nimages/1.png  0.3333333333333333  poly\nimages/2.png  0.0   mono\n";
    let path = write(&folder, "labels.csv", list);
    let options = ReadOptions {
        label_threshold: Some(0.5),
        strata: vec!["column3".into()],
        ..ReadOptions::default()
    };
    let dataset = read(&path, &options);
    assert_eq!(classes(&dataset), (vec!["<0.5", ">=0.5"], &[1, 0, 0][..]));
    assert_eq!(dataset.strata[0].values, ["mono", "poly"]);
    assert_eq!(dataset.strata[0].indices, [0, 1, 0]);
    assert_eq!(dataset.rows[[2, 0]], 30.0 / 255.0);
    assert_eq!(read(folder.path(), &options), dataset.clone());
    let two = ReadOptions { max_rows: Some(2), ..options };
    assert_eq!(read(&path, &two).rows.column(0).to_vec(), [20.0 / 255.0, 30.0 / 255.0]);
}

#[test]
fn a_list_with_header_uses_its_names() {
    let folder = tempdir().unwrap();
    for i in 0..3 {
        write(&folder, &format!("{i}.png"), gray(2, 2, i));
    }
    let list = "kind,file,label\nx,0.png,b\ny,1.png,a\nx,2.png,\n";
    let path = write(&folder, "list.txt", list);
    assert_says(&refusal(&path, &ReadOptions::default()), &["row 3", "\"label\""]);
    let options = ReadOptions { missing: Missing::Drop, ..ReadOptions::default() };
    assert_eq!(classes(&read(&path, &options)), (vec!["a", "b"], &[1, 0][..]));
    assert_eq!(classes(&read(&path, &labelled_by("kind"))).0, ["x", "y"]);
    let column = ReadOptions { image_column: Some("fil".into()), ..ReadOptions::default() };
    assert_says(&refusal(&path, &column), &["image column", "did you mean \"file\""]);
    write(&folder, "list.txt", "kind,file,label\nx,0.png,b\ny,9.png,a\n");
    let error = simbias_data::read_dataset(&path, &ReadOptions::default()).unwrap_err();
    assert_says(&error.to_string(), &["9.png", "cannot read"]);
}

#[test]
fn images_of_hugging_face_with_class_names() {
    let options = ReadOptions { strata: vec!["camera".into()], ..ReadOptions::default() };
    let dataset = read(&fixture("images.parquet"), &options);
    assert_eq!(dataset.layout.tensors()[0].shape, [1, 2, 3]);
    assert_eq!(dataset.rows.column(5).to_vec(), [0.0, 0.2, 0.4, 0.6, 0.8]);
    assert_eq!(classes(&dataset), (vec!["cat", "dog", "owl"], &[1, 0, 1, 0, 2][..]));
    assert_eq!(dataset.strata[0].indices, [0, 1, 0, 0, 1]);
    let folder = tempdir().unwrap();
    let bytes = std::fs::read(fixture("images.parquet")).unwrap();
    for name in [
        "data/train-00000-of-00002.parquet",
        "data/train-00001-of-00002.parquet",
        "data/test-00000-of-00001.parquet",
    ] {
        write(&folder, name, &bytes);
    }
    let split = SplitOptions { validation: 0.3, ..SplitOptions::default() };
    let split = read_splits(folder.path(), &options, &split).unwrap();
    assert_eq!(split.test.0.rows, dataset.rows);
    assert_eq!(split.train.0.n_rows() + split.validation.0.n_rows(), 10);
}

#[test]
fn sixteen_bits_and_transparency() {
    let deep = image::ImageBuffer::<Luma<u16>, _>::from_pixel(1, 1, Luma([13107]));
    let decoded = decode_image(Path::new("a.png"), &encode(deep)).unwrap();
    assert_eq!((decoded.shape.channels, decoded.values), (1, vec![0.2]));
    let clear = image::RgbaImage::from_pixel(1, 1, image::Rgba([255, 0, 51, 0]));
    let decoded = decode_image(Path::new("a.png"), &encode(clear)).unwrap();
    assert_eq!(decoded.values, [1.0, 0.0, 0.2]);
}
