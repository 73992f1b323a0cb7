//! Small pictures: examples, masks, reconstructions.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Pixels that do not fit their stated size.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageError {
    /// Neither grey nor RGB.
    #[error("image {caption:?} has {found} channels; give 1 (grey) or 3 (RGB)")]
    Channels {
        /// Caption of the image.
        caption: String,
        /// Channels found.
        found: usize,
    },
    /// Wrong number of values.
    #[error(
        "image {caption:?} of {width}x{height} with {channels} channels has {found} values; \
         give {} in row order, channels together",
        width * height * channels
    )]
    Len {
        /// Caption of the image.
        caption: String,
        /// Pixels per row.
        width: usize,
        /// Rows.
        height: usize,
        /// Values per pixel.
        channels: usize,
        /// Values found.
        found: usize,
    },
    /// The wire text is not base64.
    #[error("pixels of image {caption:?} are not base64")]
    Encoding {
        /// Caption of the image.
        caption: String,
    },
}

/// One picture, 8 bits per channel. Its fields always agree with each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireImage", into = "WireImage")]
pub struct Image {
    caption: String,
    width: usize,
    height: usize,
    channels: usize,
    pixels: Vec<u8>,
}

/// The image on the wire: pixels as base64, since a JSON array of bytes is five times longer.
#[derive(Serialize, Deserialize)]
struct WireImage {
    caption: String,
    width: usize,
    height: usize,
    channels: usize,
    pixels: String,
}

impl Image {
    /// A picture from `pixels` of shape `[height, width, channels]`, one channel (grey) or three (RGB).
    ///
    /// # Errors
    /// When `channels` or the number of pixels does not fit.
    pub fn new(
        caption: impl Into<String>,
        width: usize,
        height: usize,
        channels: usize,
        pixels: Vec<u8>,
    ) -> Result<Self, ImageError> {
        let caption = caption.into();
        if channels != 1 && channels != 3 {
            return Err(ImageError::Channels { caption, found: channels });
        }
        let expected = width.checked_mul(height).and_then(|area| area.checked_mul(channels));
        if expected != Some(pixels.len()) || pixels.is_empty() {
            let found = pixels.len();
            return Err(ImageError::Len { caption, width, height, channels, found });
        }
        Ok(Self { caption, width, height, channels, pixels })
    }

    /// A picture from `values` of shape `[channels, height, width]`, as networks hold them, where `range`
    /// maps to black and white; values outside are clamped and NaN is black.
    ///
    /// # Errors
    /// When `channels` or the number of values does not fit.
    pub fn from_planes(
        caption: impl Into<String>,
        width: usize,
        height: usize,
        channels: usize,
        values: &[f32],
        range: [f32; 2],
    ) -> Result<Self, ImageError> {
        let caption = caption.into();
        let area = width.saturating_mul(height);
        if area.saturating_mul(channels) != values.len() {
            let found = values.len();
            return Err(ImageError::Len { caption, width, height, channels, found });
        }
        let [black, white] = range;
        let pixels = (0..values.len())
            .map(|index| {
                let value = values[index % channels * area + index / channels];
                // A float-to-integer cast saturates and sends NaN to zero.
                ((value - black) / (white - black) * 255.0).round() as u8
            })
            .collect();
        Self::new(caption, width, height, channels, pixels)
    }

    /// Words under the picture.
    pub fn caption(&self) -> &str {
        &self.caption
    }

    /// Pixels per row.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub const fn height(&self) -> usize {
        self.height
    }

    /// Values per pixel: 1 (grey) or 3 (RGB).
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// The values, shape `[height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl From<Image> for WireImage {
    fn from(image: Image) -> Self {
        let Image { caption, width, height, channels, pixels } = image;
        Self { caption, width, height, channels, pixels: STANDARD.encode(pixels) }
    }
}

impl TryFrom<WireImage> for Image {
    type Error = ImageError;

    fn try_from(wire: WireImage) -> Result<Self, ImageError> {
        let WireImage { caption, width, height, channels, pixels } = wire;
        match STANDARD.decode(pixels) {
            Ok(pixels) => Self::new(caption, width, height, channels, pixels),
            Err(_) => Err(ImageError::Encoding { caption }),
        }
    }
}

/// A gallery of pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Images {
    /// Name for links, such as `flipped-examples`.
    pub id: String,
    /// Heading.
    pub title: String,
    /// What to see; may be empty.
    pub caption: String,
    /// The pictures in order.
    pub items: Vec<Image>,
}

impl Images {
    /// An empty gallery.
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), caption: String::new(), items: Vec::new() }
    }

    /// Says what to see.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Adds a picture.
    #[must_use]
    pub fn image(mut self, image: Image) -> Self {
        self.items.push(image);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_interleaved_and_clamped() {
        let planes = [0.0, 1.0, 0.5, -3.0, f32::NAN, 9.0];
        let image = Image::from_planes("two pixels", 2, 1, 3, &planes, [0.0, 1.0]).unwrap();
        assert_eq!(image.pixels(), [0, 128, 0, 255, 0, 255]);
    }

    #[test]
    fn sizes_must_agree() {
        assert!(matches!(
            Image::new("x", 2, 2, 1, vec![0; 3]),
            Err(ImageError::Len { found: 3, .. })
        ));
        assert!(matches!(
            Image::new("x", 2, 2, 2, vec![0; 8]),
            Err(ImageError::Channels { found: 2, .. })
        ));
        assert!(Image::new("x", usize::MAX, 2, 1, vec![0; 3]).is_err());
        let forged = r#"{"caption":"x","width":9,"height":9,"channels":1,"pixels":"AAAA"}"#;
        assert!(serde_json::from_str::<Image>(forged).is_err());
    }
}
