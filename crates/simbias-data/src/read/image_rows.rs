//! Decodes images into rows of one size.

use std::{
    borrow::Cow,
    io::Cursor,
    path::{Path, PathBuf},
};

use image::{
    DynamicImage, ImageDecoder, ImageReader, Limits, imageops::FilterType, metadata::Orientation,
};
use ndarray::Array2;
use rayon::prelude::*;

use simbias_checkpoint::FileError;

use crate::{DataError, ImageShape};

/// Larger images are refused; photographs have at most about 100 million pixels.
const MAX_SIDE: u32 = 1 << 15;
const MAX_DECODED_BYTES: u64 = 1 << 30;

/// One decoded image.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodedImage {
    /// Its shape; one channel or three.
    pub shape: ImageShape,
    /// Values in `[0, 1]`, C order `[channel, row, column]`.
    pub values: Vec<f32>,
}

/// Where encoded images come from, one per row.
pub(super) trait EncodedImages: Sync {
    fn len(&self) -> usize;
    /// A name for messages.
    fn name(&self, row: usize) -> PathBuf;
    fn bytes(&self, row: usize) -> Result<Cow<'_, [u8]>, DataError>;
}

/// Images in files.
pub(super) struct ImageFiles(pub(super) Vec<PathBuf>);

impl EncodedImages for ImageFiles {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn name(&self, row: usize) -> PathBuf {
        self.0[row].clone()
    }

    fn bytes(&self, row: usize) -> Result<Cow<'_, [u8]>, DataError> {
        let path = &self.0[row];
        Ok(std::fs::read(path).map(Cow::Owned).map_err(FileError::reading(path))?)
    }
}

/// Decodes PNG, JPEG, BMP, WebP, TIFF, GIF (first frame) or PNM bytes; transparency is dropped and the
/// orientation noted by a camera is applied. `file` is for messages only.
///
/// # Errors
/// Unknown or damaged bytes, more than 32768 pixels per side or 1 GiB decoded.
pub fn decode_image(file: &Path, bytes: &[u8]) -> Result<DecodedImage, DataError> {
    let image = decode(file, bytes)?;
    let channels = if image.color().has_color() { 3 } else { 1 };
    let shape =
        ImageShape { channels, height: image.height() as usize, width: image.width() as usize };
    let mut values = vec![0.0; shape.n_features()];
    write_channels_first(image, shape, &mut values);
    Ok(DecodedImage { shape, values })
}

/// Sizes of the images as they are stored.
pub(super) fn shapes(images: &dyn EncodedImages) -> Result<Vec<ImageShape>, DataError> {
    (0..images.len())
        .into_par_iter()
        .map(|row| peek(&images.name(row), &images.bytes(row)?))
        .collect()
}

/// Decodes all images to rows, `[n, channels * height * width]`.
///
/// All must have one size unless `image_size` (height, width) is given. Gray images stay one channel unless
/// some image has colour.
pub(super) fn decode_rows(
    images: &dyn EncodedImages,
    image_size: Option<(usize, usize)>,
) -> Result<(Array2<f32>, ImageShape), DataError> {
    let shapes = shapes(images)?;
    let Some(&first) = shapes.first() else {
        return Err(DataError::TooFewRows { file: PathBuf::new(), found: 0 });
    };
    let channels = shapes.iter().map(|shape| shape.channels).max().unwrap_or(1);
    let (height, width) = image_size.unwrap_or((first.height, first.width));
    if image_size.is_none() {
        let differs = |shape: &ImageShape| (shape.height, shape.width) != (height, width);
        if let Some(row) = shapes.iter().position(differs) {
            return Err(DataError::ImageSize {
                file: images.name(row),
                found_height: shapes[row].height,
                found_width: shapes[row].width,
                first: images.name(0),
                height,
                width,
            });
        }
    }
    let shape = ImageShape { channels, height, width };
    let n_features = shape.n_features();
    let mut rows = zeroed_rows(&images.name(0), images.len(), n_features)?;
    rows.as_slice_mut()
        .expect("a new array is contiguous")
        .par_chunks_mut(n_features)
        .enumerate()
        .try_for_each(|(row, values)| {
            let name = images.name(row);
            let mut image = decode(&name, &images.bytes(row)?)?;
            if (image.height() as usize, image.width() as usize) != (height, width) {
                image = image.resize_exact(width as u32, height as u32, FilterType::Triangle);
            }
            write_channels_first(image, shape, values);
            Ok::<(), DataError>(())
        })?;
    Ok((rows, shape))
}

/// Refuses invalid image sizes before anything is decoded.
pub(super) fn check_image_size(
    file: &Path,
    image_size: Option<(usize, usize)>,
) -> Result<(), DataError> {
    match image_size {
        Some((height, width))
            if height == 0 || width == 0 || height.max(width) > MAX_SIDE as usize =>
        {
            Err(DataError::option(
                file,
                format!(
                    "invalid image size {height}x{width}; give 1 to {MAX_SIDE} pixels per side"
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// Rows of zeros, or an error if memory cannot hold them.
pub(super) fn zeroed_rows(
    file: &Path,
    n_rows: usize,
    n_features: usize,
) -> Result<Array2<f32>, DataError> {
    let mut values: Vec<f32> = Vec::new();
    let reserved = n_rows
        .checked_mul(n_features)
        .is_some_and(|n_values| values.try_reserve_exact(n_values).is_ok());
    if !reserved {
        return Err(DataError::option(
            file,
            format!(
                "{n_rows} rows of {n_features} values do not fit into memory; give a limit of rows or a smaller image size"
            ),
        ));
    }
    values.resize(n_rows * n_features, 0.0);
    Ok(Array2::from_shape_vec((n_rows, n_features), values).expect("as many values as the shape"))
}

/// Shape after orientation, without decoding the pixels.
fn peek(file: &Path, bytes: &[u8]) -> Result<ImageShape, DataError> {
    let (decoder, orientation) = decoder(file, bytes)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        _ => (width, height),
    };
    let channels = if decoder.color_type().has_color() { 3 } else { 1 };
    Ok(ImageShape { channels, height: height as usize, width: width as usize })
}

fn decode(file: &Path, bytes: &[u8]) -> Result<DynamicImage, DataError> {
    let (decoder, orientation) = decoder(file, bytes)?;
    let mut image =
        DynamicImage::from_decoder(decoder).map_err(|error| damaged(file, &error.to_string()))?;
    image.apply_orientation(orientation);
    Ok(image)
}

fn decoder<'a>(
    file: &Path,
    bytes: &'a [u8],
) -> Result<(impl ImageDecoder + 'a, Orientation), DataError> {
    let mut reader = ImageReader::new(Cursor::new(bytes));
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let reader = reader.with_guessed_format().map_err(FileError::reading(file))?;
    if reader.format().is_none() {
        return Err(no_image(file, bytes));
    }
    let mut decoder = reader.into_decoder().map_err(|error| damaged(file, &error.to_string()))?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    if decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(damaged(file, "it would take more than 1 GiB decoded"));
    }
    Ok((decoder, orientation))
}

/// Bytes of another kind are no broken image.
fn no_image(file: &Path, bytes: &[u8]) -> DataError {
    let kind = match bytes {
        [] => "it is empty".into(),
        _ if bytes.starts_with(b"version https://git-lfs") => {
            "it is a Git LFS pointer: fetch the file itself".into()
        }
        _ if bytes.starts_with(b"%PDF") => "it is a PDF file".into(),
        _ if bytes.starts_with(b"PK\x03\x04") => "it is a zip archive".into(),
        _ if bytes.trim_ascii_start().starts_with(b"<") => "it is HTML, SVG or XML".into(),
        _ => format!("it begins with {:02x?}", &bytes[..bytes.len().min(8)]),
    };
    DataError::option(
        file,
        format!(
            "is not an image: {kind}; remove it, or put a PNG or JPEG in its place (BMP, WebP, TIFF, GIF and PNM are read \
             too)"
        ),
    )
}

fn damaged(file: &Path, problem: &str) -> DataError {
    DataError::malformed(
        file,
        "image",
        problem.to_string(),
        "remove it, or save it again as PNG or JPEG",
    )
}

/// Values in `[0, 1]`; a gray image fills every channel.
fn write_channels_first(image: DynamicImage, shape: ImageShape, values: &mut [f32]) {
    let is_8_bit = image.color().bytes_per_pixel() == image.color().channel_count();
    match (shape.channels, is_8_bit) {
        (1, true) => spread(&image.into_luma8(), 1, unit, values),
        (1, false) => spread(&image.to_luma32f(), 1, |level| level, values),
        (_, true) => spread(&image.into_rgb8(), 3, unit, values),
        (_, false) => spread(&image.into_rgb32f(), 3, |level| level, values),
    }
}

/// From `[pixel, channel]` to `[channel, pixel]`.
fn spread<T: Copy>(levels: &[T], n_channels: usize, scale: fn(T) -> f32, values: &mut [f32]) {
    let n_pixels = values.len() / n_channels;
    for (pixel, levels) in levels.chunks_exact(n_channels).enumerate() {
        for (channel, &level) in levels.iter().enumerate() {
            values[channel * n_pixels + pixel] = scale(level);
        }
    }
}

/// An 8-bit level in `[0, 1]`.
pub(super) fn unit(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}
