//! How single things are shown to people: times, numbers, meters, wrapped words, words for a shell.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The width that people's terminals are taken to have.
pub(super) const WIDTH: usize = 100;

/// Text without what steers a terminal: tabs and line ends stay, other control characters are replaced.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|one| if one.is_control() && one != '\n' && one != '\t' { '\u{fffd}' } else { one }).collect()
}

/// A time in UTC: `2026-05-01 22:00:00Z`.
pub(super) fn time(at_us: i64) -> String {
    match Timestamp::from_microsecond(at_us) {
        Ok(at) => at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Err(_) => "a time beyond the calendar".to_owned(),
    }
}

/// `25000` as `25,000`.
pub(super) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A span in the two greatest units that it has: `1 d 2 h`, `3 min 20 s`, `0 s`.
pub(super) fn span(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (length, unit) in units {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// A duration measured in microseconds: `850 µs`, `1.2 ms`, `3.40 s`.
pub(super) fn measured(duration_us: u64) -> String {
    match duration_us {
        0..1_000 => format!("{duration_us} µs"),
        1_000..1_000_000 => format!("{}.{} ms", duration_us / 1_000, duration_us % 1_000 / 100),
        _ => format!("{}.{:02} s", duration_us / 1_000_000, duration_us % 1_000_000 / 10_000),
    }
}

/// `[#####-----] 12,000 of 25,000`: full only when nothing is left, empty only when nothing was used.
pub(super) fn meter(used: u64, limit: u64) -> String {
    const CELLS: u128 = 10;
    let (wide_used, wide_limit) = (u128::from(used), u128::from(limit.max(1)));
    let filled = match wide_used {
        0 => 0,
        _ if wide_used >= wide_limit => CELLS,
        _ => ((wide_used * CELLS + wide_limit / 2) / wide_limit).clamp(1, CELLS - 1),
    };
    let bar: String = (0..CELLS).map(|cell| if cell < filled { '#' } else { '-' }).collect();
    format!("[{bar}] {} of {}", number(used), number(limit))
}

/// Words in lines of at most `width` characters; what is longer than a line stands alone.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in plain(text).lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// A word as a shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let safe = |one: char| one.is_ascii_alphanumeric() || "-._/:@%+=,".contains(one);
    if !word.is_empty() && word.chars().all(safe) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A name as one segment of an address.
pub(super) fn segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meters_are_honest_at_both_ends() {
        assert_eq!(meter(12_000, 25_000), "[#####-----] 12,000 of 25,000");
        assert_eq!(meter(0, 25_000), "[----------] 0 of 25,000");
        assert_eq!(meter(1, 25_000), "[#---------] 1 of 25,000");
        assert_eq!(meter(24_999, 25_000), "[#########-] 24,999 of 25,000");
        assert_eq!(meter(25_000, 25_000), "[##########] 25,000 of 25,000");
        assert_eq!(meter(u64::MAX, 0), format!("[##########] {} of 0", number(u64::MAX)));
    }

    #[test]
    fn figures() {
        assert_eq!(["1", "999", "1,000", "1,234,567"].map(str::to_owned), [1, 999, 1_000, 1_234_567].map(number));
        assert_eq!(
            ["0 s", "59 s", "1 min", "1 h 1 min", "2 d 3 h"],
            [0, 59, 60, 3_661, 183_900].map(span).map(|s| s).each_ref().map(|s| s.as_str())
        );
        assert_eq!(measured(850), "850 µs");
        assert_eq!(measured(1_250), "1.2 ms");
        assert_eq!(measured(3_400_000), "3.40 s");
        assert_eq!(time(0), "1970-01-01 00:00:00Z");
        assert_eq!(time(i64::MIN), "a time beyond the calendar");
    }

    #[test]
    fn words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a\n\u{1b}[2Jb", 80), ["a", "\u{fffd}[2Jb"]);
        assert_eq!(quoted("/orders/v1"), "/orders/v1");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(segment("a b/../%"), "a%20b%2F..%2F%25");
    }
}
