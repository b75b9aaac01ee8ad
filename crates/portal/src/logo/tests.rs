//! Pictures of all kinds that are taken, and hostile files of our own making.

use image::{ImageEncoder as _, Rgb, RgbImage};

use super::*;

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).expect("a picture");
    bytes.into_inner()
}

/// Two colours side by side, so that what was turned or lost is seen.
fn two_colours(width: u32, height: u32) -> DynamicImage {
    let colour = |x| if x < width / 2 { Rgb([200, 30, 30]) } else { Rgb([30, 30, 200]) };
    RgbImage::from_fn(width, height, |x, _| colour(x)).into()
}

fn png_chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut chunk = u32::try_from(body.len()).expect("a length").to_be_bytes().to_vec();
    chunk.extend_from_slice(kind);
    chunk.extend_from_slice(body);
    let mut crc = 0xffff_ffff_u32;
    for byte in chunk.iter().skip(4) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    chunk.extend_from_slice(&(!crc).to_be_bytes());
    chunk
}

/// A PNG that says that it has so many pixels, and little behind it.
fn png_claiming(width: u32, height: u32, more: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes()[..], &[8, 6, 0, 0, 0]].concat();
    file.extend(png_chunk(b"IHDR", &head));
    more.iter().for_each(|chunk| file.extend_from_slice(chunk));
    file.extend(png_chunk(b"IEND", b""));
    file
}

async fn made(file: Vec<u8>) -> Result<Logo, LogoFlaw> {
    Logos::default().make(file).await
}

#[tokio::test]
async fn each_kind_becomes_a_small_png() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let logo = made(encoded(&two_colours(1_000, 500), format)).await.expect("a logo");
        assert_eq!((logo.width, logo.height), (256, 128), "{format:?}");
        let kept = image::load_from_memory_with_format(&logo.png, ImageFormat::Png).expect("a PNG").into_rgb8();
        let (left, right) = (kept.get_pixel(10, 60), kept.get_pixel(240, 60));
        assert!(left[0] > 150 && left[2] < 80 && right[2] > 150 && right[0] < 80, "{format:?} {left:?} {right:?}");
    }
    let small = RgbaImage::from_pixel(16, 16, Rgba([1, 2, 3, 4]));
    let logo = made(encoded(&small.clone().into(), ImageFormat::Png)).await.expect("a logo");
    assert_eq!((logo.width, logo.height), (16, 16));
    assert_eq!(image::load_from_memory(&logo.png).expect("a PNG").into_rgba8(), small);
    let largest = made(encoded(&two_colours(4_096, 8), ImageFormat::Png)).await.expect("a logo");
    assert_eq!((largest.width, largest.height), (256, 1));
}

#[tokio::test]
async fn nothing_of_the_file_but_its_pixels_is_kept() {
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    encoder.set_exif_metadata(b"II*\0secret place".to_vec()).expect("metadata");
    let pixels = two_colours(8, 8).into_rgb8();
    encoder.write_image(&pixels, 8, 8, image::ExtendedColorType::Rgb8).expect("a picture");
    let end = file.len() - 12;
    file.splice(end..end, png_chunk(b"tEXt", b"Comment\0<script>secret</script>"));
    file.extend_from_slice(b"<script>behind the end</script>");
    let logo = made(file).await.expect("a logo");
    let kinds: Vec<&[u8]> = {
        let (mut rest, mut kinds) = (&logo.png[8..], Vec::new());
        while let [a, b, c, d, more @ ..] = rest {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            kinds.push(&more[..4]);
            rest = &more[4 + length + 4..];
        }
        kinds
    };
    assert!(kinds.iter().all(|kind| [&b"IHDR"[..], b"IDAT", b"IEND"].contains(kind)), "{kinds:?}");
    let text = String::from_utf8_lossy(&logo.png).into_owned();
    assert!(!text.contains("secret") && !text.contains("script"));
}

#[tokio::test]
async fn hostile_files_are_told_what_is_wrong() {
    let gif = b"GIF89a\x01\0\x01\0\0\0\0;".to_vec();
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>".to_vec();
    let png = encoded(&two_colours(300, 300), ImageFormat::Png);
    let jpeg = encoded(&two_colours(300, 300), ImageFormat::Jpeg);
    let webp = encoded(&two_colours(300, 300), ImageFormat::WebP);
    let cut = |file: &[u8]| file[..file.len() * 2 / 3].to_vec();
    let mut behind = jpeg.clone();
    behind.splice(2..2, [0xff; 4]);
    for (file, expected) in [
        (Vec::new(), "empty"),
        (vec![0; LOGO_FILE_MAX_BYTES + 1], "more than 1 MiB"),
        (gif, "neither"),
        (svg, "neither"),
        (b"\x89PNG".to_vec(), "neither"),
        (png_claiming(4_097, 1, &[]), "4,096"),
        (png_claiming(u32::MAX >> 1, u32::MAX >> 1, &[]), "4,096"),
        (png_claiming(4_096, 4_096, &[]), "damaged"),
        (png_claiming(0, 0, &[]), "damaged"),
        (png_claiming(8, 8, &[png_chunk(b"IDAT", b"no deflate")]), "damaged"),
        (cut(&png), "damaged"),
        (cut(&jpeg), "damaged"),
        (cut(&webp), "damaged"),
        (png[..40].to_vec(), "damaged"),
        (jpeg[..8].to_vec(), "damaged"),
        (webp[..20].to_vec(), "damaged"),
        ([&b"RIFF\xff\xff\xff\xffWEBPVP8X"[..], &[0xff; 64]].concat(), ""),
    ] {
        let length = file.len();
        let flaw = made(file).await.expect_err("no logo");
        assert!(flaw.to_string().contains(expected) && !flaw.mend().is_empty(), "{length} bytes: {flaw}");
    }
    // A picture of the claimed size that deflates to nothing: it is decoded within the bound and becomes a logo.
    let black = encoded(&RgbaImage::new(4_096, 4_096).into(), ImageFormat::Png);
    assert!(black.len() < LOGO_FILE_MAX_BYTES, "{}", black.len());
    assert_eq!(made(black).await.map(|logo| (logo.width, logo.height)), Ok((256, 256)));
}

#[tokio::test]
async fn our_own_is_a_logo() {
    let drawn = drawn_logo().expect("a picture");
    assert!(drawn.len() < 2_000);
    assert_eq!(made(drawn.clone()).await.expect("a logo").png, drawn);
}

#[tokio::test]
async fn changed_bytes_never_end_the_process() {
    let kinds = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP];
    let files = kinds.map(|format| encoded(&two_colours(40, 30), format));
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("an index")
    };
    for round in 0..300 {
        let mut file = files[round % 3].clone();
        for _ in 0..=next(4) {
            let at = next(file.len());
            file[at] = u8::try_from(next(256)).expect("a byte");
        }
        if let Ok(logo) = made(file).await {
            assert!(logo.width.max(logo.height) <= LOGO_KEPT_SIDE_PIXELS && logo.png.len() < 1 << 20);
        }
    }
}
