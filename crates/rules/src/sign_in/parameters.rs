//! The parameters of a query or a form (application/x-www-form-urlencoded), read so that what is carried back, such as
//! `state`, is byte for byte what came.

/// No more pairs are looked at: a request of ours has a dozen.
const PAIRS_MAX: usize = 256;

/// What a name has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given<'p> {
    /// Nothing, or an empty value, which counts as nothing (RFC 6749 §3.1).
    Nothing,
    /// One value.
    Once(&'p [u8]),
    /// Several, were they alike or empty.
    Repeated,
}

/// Names and values in the order in which they came, decoded once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Parameters {
    /// Reads a query or a form. Nothing is refused: `%` without two digits stands for itself, as browsers read it.
    #[must_use]
    pub fn read(encoded: &[u8]) -> Self {
        let pairs = encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).take(PAIRS_MAX);
        let pairs = pairs.map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            (decoded(halves.next().unwrap_or_default()), decoded(halves.next().unwrap_or_default()))
        });
        Self { pairs: pairs.collect() }
    }

    /// What came under a name.
    #[must_use]
    pub fn given(&self, name: &str) -> Given<'_> {
        let mut values = self.pairs.iter().filter(|(one, _)| one == name.as_bytes()).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (None, _) => Given::Nothing,
            (Some(value), None) if value.is_empty() => Given::Nothing,
            (Some(value), None) => Given::Once(value),
            (Some(_), Some(_)) => Given::Repeated,
        }
    }

    /// The value of a name that has exactly one, as text; what isn't UTF-8 in it is replaced.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        match self.given(name) {
            Given::Once(value) => Some(String::from_utf8_lossy(value).into_owned()),
            Given::Nothing | Given::Repeated => None,
        }
    }

    /// Whether the name was sent at all.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(one, _)| one == name.as_bytes())
    }

    /// Every value of a name, as text: for boxes that can be ticked.
    pub fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = String> + 'p {
        let named = self.pairs.iter().filter(move |(one, _)| one == name.as_bytes());
        named.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// The same with exactly one `name`, which has `value`; without any where that is empty.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let others = self.pairs.iter().filter(|(one, _)| one != name.as_bytes()).cloned();
        let added = (!value.is_empty()).then(|| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        Self { pairs: others.chain(added).collect() }
    }

    /// Written so that reading it gives the same.
    #[must_use]
    pub fn written(&self) -> String {
        let mut written = String::new();
        for (name, value) in &self.pairs {
            append(&mut written, name, value);
        }
        written
    }
}

/// Adds a pair to a query.
pub fn append(query: &mut String, name: &[u8], value: &[u8]) {
    if !query.is_empty() && !query.ends_with(['?', '&']) {
        query.push('&');
    }
    encode(query, name);
    query.push('=');
    encode(query, value);
}

/// Percent-encodes all but RFC 3986's unreserved characters: whoever reads it as a form and whoever reads it as a query
/// get the same.
fn encode(text: &mut String, bytes: &[u8]) {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let digit = |half: u8| HEX.get(usize::from(half)).copied().unwrap_or('0');
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

fn decoded(bytes: &[u8]) -> Vec<u8> {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16)).map(|digit| digit as u8);
    let mut all = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'+' => all.push(b' '),
            b'%' => match (hex(after.first()), hex(after.get(1))) {
                (Some(high), Some(low)) => {
                    all.push(high << 4 | low);
                    rest = after.get(2..).unwrap_or_default();
                }
                _ => all.push(b'%'),
            },
            other => all.push(*other),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_values_are_decoded_once() {
        let read = Parameters::read(b"a=1&b=x+y%20z&c=&d&e=%zz%4&f=%2541&a%62=2&&=3&g=1&g=1&h=&h=");
        assert_eq!(read.text("a").as_deref(), Some("1"));
        assert_eq!(read.text("b").as_deref(), Some("x y z"));
        assert_eq!(
            (read.given("c"), read.given("d"), read.given("none")),
            (Given::Nothing, Given::Nothing, Given::Nothing)
        );
        assert!(read.has("d") && !read.has("none"));
        assert_eq!(read.text("e").as_deref(), Some("%zz%4"));
        assert_eq!(read.text("f").as_deref(), Some("%41"));
        assert_eq!(read.text("ab").as_deref(), Some("2"));
        assert_eq!((read.given("g"), read.given("h")), (Given::Repeated, Given::Repeated));
        assert_eq!(read.all("g").count(), 2);
    }

    #[test]
    fn one_value_is_put_in_the_place_of_all() {
        let read = Parameters::read(b"a=1&environment_id=x&environment_id=y&b=%FF");
        assert_eq!(read.with("environment_id", "z").written(), "a=1&b=%FF&environment_id=z");
        assert_eq!(read.with("environment_id", "").written(), "a=1&b=%FF");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_the_same(pairs in proptest::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..8)) {
            let parameters = Parameters { pairs };
            let written = parameters.written();
            prop_assert!(written.is_ascii());
            prop_assert_eq!(Parameters::read(written.as_bytes()), parameters);
        }

        #[test]
        fn anything_is_read(bytes: Vec<u8>) {
            let read = Parameters::read(&bytes);
            prop_assert_eq!(Parameters::read(read.written().as_bytes()), read);
        }
    }
}
