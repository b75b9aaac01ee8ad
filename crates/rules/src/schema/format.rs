//! Formats of text and numbers: those of JSON Schema 2020-12, and those that OpenAPI adds.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

use super::decimal::Decimal;

/// Formats of text that are judged by the library, with what they are called.
const JUDGED: [(&str, &str); 16] = [
    ("date-time", "a date with a time, like 2001-05-28T09:30:00Z"),
    ("date", "a date, like 2001-05-28"),
    ("time", "a time with its offset, like 09:30:00Z"),
    ("duration", "a duration, like P1DT12H"),
    ("email", "an email address"),
    ("hostname", "a host name"),
    ("ipv4", "an IPv4 address"),
    ("ipv6", "an IPv6 address"),
    ("uri", "a URI"),
    ("uri-reference", "a URI or a relative reference"),
    ("iri", "an IRI"),
    ("iri-reference", "an IRI or a relative reference"),
    ("uri-template", "a URI template"),
    ("uuid", "a UUID"),
    ("json-pointer", "a JSON pointer"),
    ("relative-json-pointer", "a relative JSON pointer"),
];

/// A text beyond this many bytes is none of these.
const JUDGED_LEN_MAX: usize = 64 * 1024;

static JUDGES: LazyLock<Vec<Option<Validator>>> =
    LazyLock::new(|| JUDGED.iter().map(|(name, _)| judge(name)).collect());

static BASE64: LazyLock<GeneralPurpose> = LazyLock::new(|| {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet::STANDARD, config)
});

/// A format that is asserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// By its place in the table.
    Judged(usize),
    /// Base64 (RFC 4648 §4), with padding or without.
    Byte,
    /// Text or a number: a number's digits.
    Decimal,
    Int32,
    Int64,
    Float,
    Double,
    /// Its value is never told.
    Password,
    /// Anything.
    Binary,
}

impl Format {
    /// The format of that name, where it is one that is asserted.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "byte" => Self::Byte,
            "decimal" => Self::Decimal,
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "float" => Self::Float,
            "double" => Self::Double,
            "password" => Self::Password,
            "binary" => Self::Binary,
            _ => Self::Judged(JUDGED.iter().position(|(known, _)| *known == name)?),
        })
    }

    /// What it is, after "must be".
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Judged(at) => JUDGED.get(at).map_or("of its format", |(_, words)| words),
            Self::Byte => "Base64",
            Self::Decimal => "a decimal number",
            Self::Int32 => "a whole number of 32 bits (-2147483648 to 2147483647)",
            Self::Int64 => "a whole number of 64 bits (-9223372036854775808 to 9223372036854775807)",
            Self::Float => "within the range of a float (up to 3.4e38)",
            Self::Double => "within the range of a double (up to 1.79e308)",
            Self::Password | Self::Binary => "text",
        }
    }

    /// Whether a text is of the format. Formats of numbers say nothing of texts.
    pub(super) fn admits_text(self, text: &str) -> bool {
        match self {
            Self::Judged(at) => {
                let judge = JUDGES.get(at).and_then(Option::as_ref);
                text.len() <= JUDGED_LEN_MAX
                    && judge.is_some_and(|judge| judge.is_valid(&Value::String(text.to_owned())))
            }
            Self::Byte => BASE64.decode(text).is_ok(),
            Self::Decimal => is_number(text),
            Self::Int32 | Self::Int64 | Self::Float | Self::Double | Self::Password | Self::Binary => true,
        }
    }

    /// Whether a number is of the format. Formats of text say nothing of numbers.
    pub(super) fn admits_number(self, number: &Decimal) -> bool {
        let within = |least: &str, most: &str| *number >= Decimal::parse(least) && *number <= Decimal::parse(most);
        match self {
            Self::Int32 => number.size().is_some_and(|size| size <= (1 << 31) - u64::from(!number.is_negative())),
            Self::Int64 => number.size().is_some_and(|size| size <= (1 << 63) - u64::from(!number.is_negative())),
            Self::Float => within("-3.4028234663852886e38", "3.4028234663852886e38"),
            Self::Double => within("-1.7976931348623157e308", "1.7976931348623157e308"),
            Self::Judged(_) | Self::Byte | Self::Decimal | Self::Password | Self::Binary => true,
        }
    }
}

fn judge(name: &str) -> Option<Validator> {
    let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
    options.build(&json!({"format": name})).ok()
}

/// JSON's grammar of numbers (RFC 8259 §6).
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (significand, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = significand.split_once('.').unwrap_or((significand, "0"));
    let is_plain = whole == "0" || !whole.starts_with('0');
    digits(whole) && is_plain && digits(fraction) && digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_of_their_format() {
        for (name, good, bad) in [
            ("date-time", "2001-05-28T09:30:00+02:00", "2001-05-28 09:30"),
            ("date", "2024-02-29", "2023-02-29"),
            ("time", "09:30:00Z", "09:30"),
            ("duration", "P3W", "3 weeks"),
            ("email", "eva@example.com", "eva"),
            ("hostname", "a.example", "-a.example"),
            ("ipv4", "192.0.2.1", "192.0.2.256"),
            ("ipv6", "2001:db8::1", "2001:db8"),
            ("uri", "https://example.com/a?b", "/a"),
            ("uri-reference", "/a", "\\a"),
            ("iri", "https://example.com/é", "é e"),
            ("iri-reference", "/é", "\\é"),
            ("uri-template", "/a/{b}", "/a/{b"),
            ("uuid", "00000000-0000-0000-0000-0000000000a1", "00000000"),
            ("json-pointer", "/a/0", "a"),
            ("relative-json-pointer", "1/a", "/a"),
            ("byte", "aGk=", "aGk*"),
            ("decimal", "-12.50", "12,50"),
        ] {
            let format = Format::named(name).unwrap();
            assert!(format.admits_text(good), "{name}: {good}");
            assert!(!format.admits_text(bad), "{name}: {bad}");
        }
        assert!(Format::named("idn-hostname").is_none() && Format::named("regex").is_none());
    }

    #[test]
    fn numbers_are_of_their_format() {
        for (name, good, bad) in [
            ("int32", "-2147483648", "2147483648"),
            ("int32", "1e3", "0.5"),
            ("int64", "9223372036854775807", "9223372036854775808"),
            ("int64", "-9223372036854775808", "-9223372036854775809"),
            ("int32", "2147483647", "-2147483649"),
            ("float", "1.5", "1e39"),
            ("double", "1e39", "1e400"),
        ] {
            let format = Format::named(name).unwrap();
            assert!(format.admits_number(&Decimal::parse(good)), "{name}: {good}");
            assert!(!format.admits_number(&Decimal::parse(bad)), "{name}: {bad}");
        }
    }
}
