//! Pictures as PNG data URIs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use simbias_report::Image;

/// Pixels that a picture should have at least along its longer side.
const SHOWN: usize = 112;

/// Width and height in which a picture is shown: small ones are enlarged by a whole factor, so that their pixels stay
/// square.
pub(crate) fn shown_size(image: &Image) -> (usize, usize) {
    let factor = SHOWN.div_ceil(image.width().max(image.height()).max(1)).max(1);
    (image.width() * factor, image.height() * factor)
}

/// The picture as `data:image/png;base64,…`.
pub(crate) fn data_uri(image: &Image) -> String {
    let mut file = Vec::new();
    let colour =
        if image.channels() == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb };
    let mut encoder = png::Encoder::new(&mut file, image.width() as u32, image.height() as u32);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        .and_then(|mut writer| {
            writer.write_image_data(image.pixels())?;
            writer.finish()
        })
        .expect("an image's size fits its pixels, and memory can be written");
    format!("data:image/png;base64,{}", STANDARD.encode(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_survive_the_encoding() {
        let pixels: Vec<u8> = (0..12).map(|value| value * 20).collect();
        let image = Image::new("x", 2, 2, 3, pixels.clone()).unwrap();
        let uri = data_uri(&image);
        let file = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut decoded = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut decoded).unwrap();
        assert_eq!((info.width, info.height, info.color_type), (2, 2, png::ColorType::Rgb));
        assert_eq!(decoded, pixels);
    }
}
