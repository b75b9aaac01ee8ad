//! Forms as pages have them, and as they are sent.

/// A form of a page, as it would be sent if nothing was filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The path and query that it is sent to.
    pub action: String,
    /// Its fields with their values, in the order of the page; of boxes and choices those that are ticked.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The value of a field.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The body that is sent with some fields filled in.
    pub fn encoded(&self, filled: &[(&str, &str)]) -> String {
        let kept = self.fields.iter().filter(|(name, _)| filled.iter().all(|(one, _)| one != name));
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs = kept.chain(filled.iter().copied());
        let pairs: Vec<String> =
            pairs.map(|(name, value)| format!("{}={}", encoded(name.as_bytes()), encoded(value.as_bytes()))).collect();
        pairs.join("&")
    }
}

/// All forms of a page at `at`.
pub(super) fn forms(html: &str, at: &str) -> Vec<Form> {
    html.split("<form").skip(1).map(|rest| form(rest.split("</form>").next().unwrap_or_default(), at)).collect()
}

fn form(html: &str, at: &str) -> Form {
    let (head, inner) = html.split_once('>').unwrap_or((html, ""));
    let tags = inner.split("<input").skip(1).filter_map(|rest| rest.split('>').next());
    let fields = tags.filter_map(|tag| {
        let can_be_ticked = ["radio", "checkbox"].contains(&attribute(tag, "type").as_deref().unwrap_or_default());
        if can_be_ticked && !tag.split_whitespace().any(|word| word.trim_end_matches('/') == "checked") {
            return None;
        }
        Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
    });
    Form { action: attribute(head, "action").unwrap_or_else(|| at.to_owned()), fields: fields.collect() }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescaped(rest.split('"').next()?))
}

/// Text as HTML writes it, read.
fn unescaped(text: &str) -> String {
    let mut read = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        read.push_str(before);
        let (entity, after) = after.split_once(';').unwrap_or((after, ""));
        read.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            _ => {
                let number = entity.strip_prefix('#').and_then(|digits| digits.parse().ok());
                number.and_then(char::from_u32).unwrap_or('\u{fffd}')
            }
        });
        rest = after;
    }
    read + rest
}

pub(super) fn encoded(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    bytes.iter().map(one).collect()
}

pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_pages_have_them() {
        let page = r#"<form class="a" method="post" action="/x?a=1&amp;b=&#39;"><input type="hidden" name="step" value="one">
            <input id="q" name="user" value="&#60;b&gt;" required><input type="radio" name="e" value="1"><input type="radio"
            name="e" value="2" checked></form><form><input name="other"></form>"#;
        let all = forms(page, "/here");
        assert_eq!(all[0].action, "/x?a=1&b='");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(all[0].fields, [pair("step", "one"), pair("user", "<b>"), pair("e", "2")]);
        assert_eq!((all[1].action.as_str(), all[1].value("other")), ("/here", Some("")));
        assert_eq!(all[0].encoded(&[("user", "a b")]), "step=one&e=2&user=a%20b");
        assert_eq!(decoded("a+b%20%C3%A9"), "a b é");
    }
}
