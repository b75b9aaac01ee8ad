//! A second reader of what the engine writes: HTTP/1.1 answers, as a caller with no knowledge of the engine reads them.

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its fields, names in small letters.
    pub fields: Vec<(String, String)>,
    /// What came of its body.
    pub body: Vec<u8>,
    /// Whether all of it came; for a body that ends with the connection nobody can say, and it counts as whole.
    pub is_whole: bool,
    /// Whether the body ends with the connection.
    pub is_open: bool,
}

impl Answer {
    /// The first field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads the answers to requests of these methods; past them, an answer is read as one to `GET`. Interim answers are
/// passed over, and after a switch of protocols nothing more is read.
///
/// # Errors
/// What isn't an answer, with the rest of the bytes.
pub fn read(mut rest: &[u8], methods: &[String]) -> Result<Vec<Answer>, String> {
    let mut answers: Vec<Answer> = Vec::new();
    while !rest.is_empty() {
        let wrong = |what: &str| format!("{what}: {}", rest.escape_ascii());
        let Some(end) = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return Err(wrong("a head without an end"));
        };
        let head = rest[..end].iter().map(|byte| char::from(*byte)).collect::<String>();
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse::<u16>().ok());
        let status = status.ok_or_else(|| wrong("no status line"))?;
        let field =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        let fields: Option<Vec<_>> = lines.map(field).collect();
        let fields = fields.ok_or_else(|| wrong("a line that is no field"))?;
        let mut body = &rest[end + 4..];
        if status == 101 {
            return Ok(answers);
        }
        if status < 200 {
            rest = body;
            continue;
        }
        let mut answer = Answer { status, fields, body: Vec::new(), is_whole: true, is_open: false };
        let is_head = methods.get(answers.len()).is_some_and(|method| method == "HEAD");
        if !is_head && !matches!(status, 204 | 304) {
            body_of(&mut answer, &mut body).ok_or_else(|| wrong("broken chunks"))?;
        }
        rest = body;
        answers.push(answer);
    }
    Ok(answers)
}

/// Takes an answer's body; none where its chunks are broken.
fn body_of(answer: &mut Answer, rest: &mut &[u8]) -> Option<()> {
    if answer.field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
                answer.is_whole = false;
                *rest = &[];
                return Some(());
            };
            let digits = std::str::from_utf8(&rest[..end]).ok()?;
            let size = usize::from_str_radix(digits.split(';').next()?.trim(), 16).ok()?;
            let piece = &rest[end + 2..];
            let taken = size.min(piece.len());
            answer.body.extend_from_slice(&piece[..taken]);
            match piece.get(taken..taken + 2) {
                Some(b"\r\n") => *rest = &piece[taken + 2..],
                Some(_) => return None,
                None => {
                    answer.is_whole = false;
                    *rest = &[];
                    return Some(());
                }
            }
            if size == 0 {
                return Some(());
            }
        }
    }
    let length = answer.field("content-length").and_then(|length| length.parse::<usize>().ok());
    answer.is_open = length.is_none();
    let taken = length.unwrap_or(usize::MAX).min(rest.len());
    answer.body.extend_from_slice(&rest[..taken]);
    answer.is_whole = length.is_none_or(|length| length == taken);
    *rest = &rest[taken..];
    Some(())
}
