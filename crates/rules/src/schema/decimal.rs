//! Numbers as JSON writes them, compared with all their digits: exact at any size, in time linear in the text.

use std::cmp::Ordering;

/// Digits that a divisor may have, so that arithmetic with it stays within 128 bits.
pub(super) const DIVISOR_DIGITS_MAX: usize = 18;

/// A number: its digits, the first and the last of which are not 0, times ten to the power of `scale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    /// None: it is 0.
    digits: Vec<u8>,
    scale: i64,
}

impl Decimal {
    /// Reads a number that is JSON.
    pub(super) fn parse(text: &str) -> Self {
        let (is_negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (significand, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
        let (whole, fraction) = significand.split_once('.').unwrap_or((significand, ""));
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0').collect();
        let mut scale = power(exponent).saturating_sub(fraction.len() as i64);
        while digits.last() == Some(&b'0') {
            digits.pop();
            scale = scale.saturating_add(1);
        }
        if digits.is_empty() {
            Self { is_negative: false, digits, scale: 0 }
        } else {
            Self { is_negative, digits, scale }
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    pub(super) fn is_negative(&self) -> bool {
        self.is_negative
    }

    /// Whether it has no fraction, however it is written: `1.0` and `1e2` have none.
    pub(super) fn is_integer(&self) -> bool {
        self.scale >= 0
    }

    /// As a small whole number.
    pub(super) fn to_u64(&self) -> Option<u64> {
        if self.is_negative { None } else { self.size() }
    }

    /// As a small whole number, without its sign.
    pub(super) fn size(&self) -> Option<u64> {
        let zeros = u32::try_from(self.scale).ok()?;
        if self.digits.len() > 20 {
            return None;
        }
        let number = self
            .digits
            .iter()
            .try_fold(0_u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit - b'0')))?;
        number.checked_mul(10_u64.checked_pow(zeros)?)
    }

    /// Whether it is a divisor that [`Self::is_multiple_of`] takes.
    pub(super) fn is_divisor(&self) -> bool {
        !self.is_negative && !self.is_zero() && self.digits.len() <= DIVISOR_DIGITS_MAX
    }

    /// Whether it is a whole multiple of a divisor.
    pub(super) fn is_multiple_of(&self, divisor: &Self) -> bool {
        if self.is_zero() {
            return true;
        }
        // The last digit isn't 0, so it is no multiple of anything that has ten as a factor.
        let Ok(mut zeros) = u64::try_from(self.scale.saturating_sub(divisor.scale)) else { return false };
        let number = |digits: &[u8]| digits.iter().fold(0_u128, |number, digit| number * 10 + u128::from(digit - b'0'));
        let modulus = number(&divisor.digits);
        if modulus == 0 {
            return false;
        }
        let mut rest = self.digits.iter().fold(0_u128, |rest, digit| (rest * 10 + u128::from(digit - b'0')) % modulus);
        let mut power = 10 % modulus;
        while zeros > 0 {
            if zeros % 2 == 1 {
                rest = rest * power % modulus;
            }
            power = power * power % modulus;
            zeros /= 2;
        }
        rest == 0
    }

    /// For people: without an exponent unless it is far off.
    pub(super) fn plain(&self) -> String {
        let sign = if self.is_negative { "-" } else { "" };
        let digits = String::from_utf8_lossy(&self.digits);
        let point = self.scale.saturating_add(self.digits.len() as i64);
        match (self.scale, point) {
            _ if self.is_zero() => "0".to_owned(),
            (0..=20, _) => format!("{sign}{digits}{}", "0".repeat(self.scale as usize)),
            (_, 1..) if self.scale < 0 => {
                let (whole, fraction) = digits.split_at(point as usize);
                format!("{sign}{whole}.{fraction}")
            }
            (_, -20..=0) => format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs() as usize)),
            _ => format!("{sign}{digits}e{}", self.scale),
        }
    }

    /// One spelling for all of equal value.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if self.is_negative {
            out.push(b'-');
        }
        out.extend_from_slice(&self.digits);
        out.push(b'e');
        out.extend_from_slice(self.scale.to_string().as_bytes());
    }

    /// Without regard to the sign.
    fn compare_size(&self, other: &Self) -> Ordering {
        let order = |number: &Self| number.scale.saturating_add(number.digits.len() as i64);
        match (self.is_zero(), other.is_zero()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => order(self).cmp(&order(other)).then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.is_negative, other.is_negative) {
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
        }
    }
}

/// The exponent, or one as far off as any number that a body has room for needs.
fn power(text: &str) -> i64 {
    let far = i64::MAX / 4;
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let size = digits.bytes().fold(0_i64, |size, digit| (size * 10 + i64::from(digit - b'0')).min(far / 16));
    if is_negative { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_by_value() {
        let order = |left: &str, right: &str| Decimal::parse(left).cmp(&Decimal::parse(right));
        for (left, right) in [
            ("0", "-0"),
            ("0", "0.000e99999999999999999999"),
            ("1", "1.0"),
            ("100", "1e2"),
            ("1e400", "10e399"),
            ("-0.5", "-5E-1"),
            ("123456789012345678901234567890", "1.2345678901234567890123456789e29"),
        ] {
            assert_eq!(order(left, right), Ordering::Equal, "{left} {right}");
        }
        for (less, more) in [
            ("-1", "0"),
            ("-2", "-1"),
            ("0.1", "0.11"),
            ("9", "10"),
            ("1e-400", "1e400"),
            ("1e99999999999999999998", "11e99999999999999999999"),
            ("9007199254740992", "9007199254740993"),
            ("-1e400", "1e-400"),
            ("0", "1e-99999999999999999999"),
        ] {
            assert_eq!(order(less, more), Ordering::Less, "{less} {more}");
            assert_eq!(order(more, less), Ordering::Greater, "{less} {more}");
        }
    }

    #[test]
    fn whole_numbers_and_multiples_are_exact() {
        for whole in ["0", "-0", "0.0", "1.0", "1e400", "1.50e1", "-12345678901234567890123"] {
            assert!(Decimal::parse(whole).is_integer(), "{whole}");
        }
        for broken in ["0.1", "1.5", "1e-400", "123456789012345678901234567890.5"] {
            assert!(!Decimal::parse(broken).is_integer(), "{broken}");
        }
        let multiple = |number: &str, divisor: &str| Decimal::parse(number).is_multiple_of(&Decimal::parse(divisor));
        for (number, divisor) in [
            ("0.07", "0.01"),
            ("19.99", "0.01"),
            ("0", "7"),
            ("1e400", "5"),
            ("-21", "7"),
            ("4.5", "1.5"),
            ("3e2", "0.3"),
        ] {
            assert!(multiple(number, divisor), "{number} {divisor}");
        }
        for (number, divisor) in [("0.075", "0.01"), ("1e400", "3"), ("22", "7"), ("1e-400", "1"), ("5", "10")] {
            assert!(!multiple(number, divisor), "{number} {divisor}");
        }
        for (number, plain) in [("-0", "0"), ("1e2", "100"), ("-12.50", "-12.5"), ("0.001", "0.001"), ("1E-2", "0.01")]
        {
            assert_eq!(Decimal::parse(number).plain(), plain);
        }
        assert_eq!(Decimal::parse("1e400").plain(), "1e400");
        assert_eq!(Decimal::parse("1.2e1").to_u64(), Some(12));
        assert_eq!(Decimal::parse("1e30").to_u64(), None);
    }
}
