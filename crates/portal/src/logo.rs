//! Logos of applications: whatever picture an administrator brings becomes a small PNG of our own making, so that no
//! byte of the file that came reaches a browser. Knows neither applications nor where logos are kept.

use std::io::Cursor;
use std::sync::Arc;

use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageError, ImageFormat, ImageReader, Limits, Rgba, RgbaImage};
use tokio::sync::Semaphore;

/// The largest file that is looked at: 1 MiB.
pub const LOGO_FILE_MAX_BYTES: usize = 1 << 20;
/// The largest picture that is decoded, in pixels a side.
pub const LOGO_SIDE_MAX_PIXELS: u32 = 4_096;
/// The longest side of what is kept, in pixels.
pub const LOGO_KEPT_SIDE_PIXELS: u32 = 256;
/// What a decoder may take: a picture of the largest size with four channels of sixteen bits, and some room.
const DECODER_MAX_BYTES: u64 = 160 << 20;
/// A JPEG ends with this; the decoder fills up what is missing, and we don't want that.
const JPEG_END: [u8; 2] = [0xff, 0xd9];
/// Some programs write so much behind it.
const JPEG_TAIL_MAX_BYTES: usize = 1_024;

/// A logo as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logo {
    /// The PNG, without metadata.
    pub png: Vec<u8>,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

/// Why a file is no logo.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoFlaw {
    /// Nothing came.
    #[error("The file is empty.")]
    Empty,
    /// More than [`LOGO_FILE_MAX_BYTES`].
    #[error("The file has more than 1 MiB.")]
    TooLarge,
    /// Neither PNG, JPEG nor WebP, whatever its name says.
    #[error("The file is neither PNG, JPEG nor WebP.")]
    OtherType,
    /// More than [`LOGO_SIDE_MAX_PIXELS`] a side.
    #[error("The picture has more than 4,096 x 4,096 pixels.")]
    TooManyPixels,
    /// It breaks off, or isn't what its first bytes say.
    #[error("The picture is damaged: {0}.")]
    Damaged(String),
}

impl LogoFlaw {
    /// How to mend it.
    #[must_use]
    pub fn mend(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::TooManyPixels => "Make it smaller; 256 x 256 pixels are kept.",
            Self::Empty | Self::OtherType => "Save it as PNG, JPEG or WebP.",
            Self::Damaged(_) => "Open it in a program for pictures and save it anew as PNG.",
        }
    }
}

/// Makes logos, one at a time, on a thread where that holds up nobody. Clones share their turn.
#[derive(Clone, Debug)]
pub struct Logos {
    turn: Arc<Semaphore>,
}

impl Default for Logos {
    fn default() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Logos {
    /// The logo that a file becomes.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub async fn make(&self, file: Vec<u8>) -> Result<Logo, LogoFlaw> {
        if file.len() > LOGO_FILE_MAX_BYTES {
            return Err(LogoFlaw::TooLarge);
        }
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(|_| damaged("it could not be looked at"))?;
        let made = tokio::task::spawn_blocking(move || {
            let made = make(&file);
            drop(turn);
            made
        });
        // A decoder that panics has met a file that nobody should keep.
        made.await.unwrap_or_else(|_| Err(damaged("it can't be decoded")))
    }
}

fn make(file: &[u8]) -> Result<Logo, LogoFlaw> {
    let format = format(file)?;
    if format == ImageFormat::Jpeg {
        let tail = file.get(file.len().saturating_sub(JPEG_TAIL_MAX_BYTES)..).unwrap_or_default();
        if !tail.windows(2).any(|pair| pair == JPEG_END) {
            return Err(damaged("it breaks off"));
        }
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LOGO_SIDE_MAX_PIXELS);
    limits.max_image_height = Some(LOGO_SIDE_MAX_PIXELS);
    limits.max_alloc = Some(DECODER_MAX_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(flaw)?;
    // Cameras turn the picture by a word in its metadata, which isn't kept.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(flaw)?;
    if picture.width() > LOGO_KEPT_SIDE_PIXELS || picture.height() > LOGO_KEPT_SIDE_PIXELS {
        picture = picture.resize(LOGO_KEPT_SIDE_PIXELS, LOGO_KEPT_SIDE_PIXELS, FilterType::Triangle);
    }
    picture.apply_orientation(orientation);
    let pixels = DynamicImage::ImageRgba8(picture.into_rgba8());
    Ok(Logo { png: png(&pixels)?, width: pixels.width(), height: pixels.height() })
}

/// A logo of our own for the sample's applications, as a PNG: an open door.
///
/// # Errors
/// Where it can't be encoded.
pub fn drawn_logo() -> Result<Vec<u8>, LogoFlaw> {
    const SIDE: u32 = 96;
    let is_within = |x: u32, y: u32| (28..68).contains(&x) && (18..78).contains(&y);
    let is_leaf = |x: u32, y: u32| x >= 34 && y >= 24 && x.saturating_sub(34) * 4 >= (y.saturating_sub(24)) / 8;
    let picture = RgbaImage::from_fn(SIDE, SIDE, |x, y| match (is_within(x, y), is_leaf(x, y) && x < 62) {
        (true, true) => Rgba([250, 246, 236, 255]),
        (true, false) => Rgba([214, 164, 72, 255]),
        (false, _) => Rgba([33, 74, 92, 255]),
    });
    png(&picture.into())
}

fn png(picture: &DynamicImage) -> Result<Vec<u8>, LogoFlaw> {
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Best, PngFilter::Adaptive);
    picture.write_with_encoder(encoder).map_err(flaw)?;
    Ok(png)
}

/// What the file is by its first bytes; its name is nobody's business.
fn format(file: &[u8]) -> Result<ImageFormat, LogoFlaw> {
    match file {
        [] => Err(LogoFlaw::Empty),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Ok(ImageFormat::Png),
        [0xff, 0xd8, 0xff, ..] => Ok(ImageFormat::Jpeg),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Ok(ImageFormat::WebP),
        _ => Err(LogoFlaw::OtherType),
    }
}

fn flaw(error: ImageError) -> LogoFlaw {
    match error {
        ImageError::Limits(_) => LogoFlaw::TooManyPixels,
        ImageError::IoError(_) => damaged("it breaks off"),
        ImageError::Unsupported(_) => damaged("it is of a kind that can't be read"),
        // The decoder's words may repeat what is in the file.
        _ => damaged("it isn't what its first bytes say"),
    }
}

fn damaged(why: &str) -> LogoFlaw {
    LogoFlaw::Damaged(why.to_owned())
}

#[cfg(test)]
mod tests;
