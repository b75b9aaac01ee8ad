//! How a call looks as a line: JSON, or like the common log format. Nothing that came from outside can end a line or
//! hide in one: what is not plain ASCII is escaped.

use std::net::IpAddr;

use limen_rules::explain::Text;

use crate::ended::{Ended, Traffic};
use crate::journal::CallRecord;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What most lines take.
const USUAL_BYTES: usize = 512;

/// A second in words, kept until the next.
#[derive(Default)]
pub(super) struct Second {
    at_s: Option<i64>,
    pub(super) json: String,
    text: String,
}

impl Second {
    pub(super) fn set(&mut self, at_s: i64) {
        if self.at_s == Some(at_s) {
            return;
        }
        self.at_s = Some(at_s);
        let (year, month, day) = date(at_s.div_euclid(86_400));
        let second = at_s.rem_euclid(86_400);
        let (hours, minutes, seconds) = (second / 3_600, second / 60 % 60, second % 60);
        let name = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
        self.json = format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}");
        self.text = format!("{day:02}/{name}/{year:04}:{hours:02}:{minutes:02}:{seconds:02} +0000");
    }
}

/// Year, month and day of a day since the Unix epoch, counted in years that begin in March.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// What a line is made of.
pub(super) struct Line<'l> {
    pub(super) record: &'l CallRecord,
    pub(super) traffic: &'l Traffic,
    pub(super) ended: &'l Ended<'l>,
    pub(super) second: &'l mut Second,
}

impl Line<'_> {
    pub(super) fn json(self, out: &mut Vec<u8>) {
        let Self { record, traffic, ended, second } = self;
        out.reserve(USUAL_BYTES);
        second.set(record.at_us.div_euclid(1_000_000));
        put(out, "{\"time\":\"");
        put(out, &second.json);
        out.push(b'.');
        put_six_digits(out, record.at_us.rem_euclid(1_000_000) as u64);
        put(out, "Z\",\"id\":\"");
        put_hex(out, record.request_id);
        put(out, "\",\"from\":\"");
        put_address(out, traffic.caller);
        put(out, "\",\"method\":\"");
        put_json(out, record.method.as_str().as_bytes());
        put(out, "\",\"path\":\"");
        put_json(out, record.path.as_bytes());
        put(out, "\",\"status\":");
        put_number(out, u64::from(record.status));
        let code = record.cause.map(|cause| Text::of(cause.code()));
        let words = [
            (",\"code\":\"", code),
            (",\"api\":\"", ended.api),
            (",\"operation\":\"", ended.operation),
            (",\"subscription\":\"", ended.subscription),
            (",\"application\":\"", ended.application),
            (",\"user\":\"", ended.user),
            (",\"target\":\"", ended.target),
        ];
        for (name, word) in words {
            if let Some(word) = word {
                put(out, name);
                put_json(out, word.as_bytes());
                out.push(b'"');
            }
        }
        put(out, ",\"in_bytes\":");
        put_number(out, traffic.request_bytes);
        put(out, ",\"out_bytes\":");
        put_number(out, traffic.response_bytes);
        put(out, ",\"duration_us\":");
        put_number(out, record.duration_us);
        if let Some(service_us) = traffic.service_us {
            put(out, ",\"service_us\":");
            put_number(out, service_us);
        }
        put(out, "}\n");
    }

    pub(super) fn text(self, out: &mut Vec<u8>) {
        let Self { record, traffic, ended, second } = self;
        second.set(record.at_us.div_euclid(1_000_000));
        put_address(out, traffic.caller);
        put(out, " - ");
        put_text(out, ended.user.map_or(b"-", Text::as_bytes));
        put(out, " [");
        put(out, &second.text);
        put(out, "] \"");
        put_text(out, record.method.as_str().as_bytes());
        out.push(b' ');
        put_text(out, record.path.as_bytes());
        put(out, "\" ");
        put_number(out, u64::from(record.status));
        out.push(b' ');
        put_number(out, traffic.response_bytes);
        put(out, " id=");
        put_hex(out, record.request_id);
        let code = record.cause.map(|cause| Text::of(cause.code()));
        let words = [
            (" code=", code),
            (" api=", ended.api),
            (" operation=", ended.operation),
            (" subscription=", ended.subscription),
            (" application=", ended.application),
            (" target=", ended.target),
        ];
        for (name, word) in words {
            if let Some(word) = word {
                put(out, name);
                put_text(out, word.as_bytes());
            }
        }
        put(out, " in_bytes=");
        put_number(out, traffic.request_bytes);
        put(out, " duration_us=");
        put_number(out, record.duration_us);
        if let Some(service_us) = traffic.service_us {
            put(out, " service_us=");
            put_number(out, service_us);
        }
        out.push(b'\n');
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    while let Some(digit) = digits.get_mut(at - 1) {
        *digit = b'0' + (number % 10) as u8;
        at -= 1;
        number /= 10;
        if number == 0 || at == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

fn put_six_digits(out: &mut Vec<u8>, number: u64) {
    out.extend([100_000, 10_000, 1_000, 100, 10, 1].map(|unit| b'0' + (number / unit % 10) as u8));
}

fn put_hex(out: &mut Vec<u8>, number: u128) {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair.copy_from_slice(&[hex(byte >> 4), hex(byte & 15)]);
    }
    out.extend_from_slice(&digits);
}

fn hex(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

fn put_address(out: &mut Vec<u8>, caller: Option<IpAddr>) {
    match caller {
        None => out.push(b'-'),
        Some(IpAddr::V4(address)) => {
            for (at, octet) in address.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                put_number(out, u64::from(octet));
            }
        }
        Some(IpAddr::V6(address)) => {
            use std::io::Write as _;
            // Writing into memory doesn't fail.
            let _ = write!(out, "{address}");
        }
    }
}

/// Whether a byte may stand in a line as it is.
fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\'
}

/// The inside of a JSON string, in ASCII.
fn put_json(out: &mut Vec<u8>, text: &[u8]) {
    // Every byte is looked at, which costs less than to stop at the first that isn't plain.
    if text.iter().fold(true, |all, byte| all & is_plain(*byte)) {
        return out.extend_from_slice(text);
    }
    for character in String::from_utf8_lossy(text).chars() {
        match u8::try_from(character) {
            Ok(byte) if is_plain(byte) => out.push(byte),
            Ok(byte @ (b'"' | b'\\')) => out.extend([b'\\', byte]),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let unit = *unit;
                    put(out, "\\u");
                    out.extend([12, 8, 4, 0].map(|shift| hex((unit >> shift) as u8 & 15)));
                }
            }
        }
    }
}

/// Between quotes or spaces: every other byte as `\xNN`.
fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    if text.iter().fold(true, |all, byte| all & (is_plain(*byte) && *byte != b' ')) {
        return out.extend_from_slice(text);
    }
    for byte in text.iter().copied() {
        if is_plain(byte) && byte != b' ' {
            out.push(byte);
        } else {
            out.extend([b'\\', b'x', hex(byte >> 4), hex(byte & 15)]);
        }
    }
}
