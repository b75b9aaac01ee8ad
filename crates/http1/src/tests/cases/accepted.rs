//! What is accepted, with its events to the letter.
//!
//! Read by the engine's own tests and by those of the whole binary, which include this file by its path.

/// What arrives, and its events; a `|` at the end of what arrives is the caller's end.
const CASES: &[(&str, &str)] = &[
    // Request lines.
    ("GET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1 keep [host=h] | end | more"),
    ("GET / HTTP/1.1\nhOsT:h\n\n", "GET / HTTP/1.1 keep [host=h] | end | more"),
    ("\nGET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1 keep [host=h] | end | more"),
    (
        "GET //a//b/?c=%2F&d=[1]{}|^`\"<>\\ HTTP/1.1\nHost: h\n\n",
        "GET //a//b/?c=%2F&d=[1]{}|^`\"<>\\ HTTP/1.1 keep [host=h] | end | more",
    ),
    ("GET /~!$&'()*+,;=:@-._ HTTP/1.1\nHost: h\n\n", "GET /~!$&'()*+,;=:@-._ HTTP/1.1 keep [host=h] | end | more"),
    ("GET /%zz/../a HTTP/1.1\nHost: h\n\n", "GET /%zz/../a HTTP/1.1 keep [host=h] | end | more"),
    ("GET /? HTTP/1.1\nHost: h\n\n", "GET /? HTTP/1.1 keep [host=h] | end | more"),
    ("GET http://h HTTP/1.1\nHost: h\n\n", "GET http://h HTTP/1.1 keep [host=h] | end | more"),
    ("GET http://h?q HTTP/1.1\nHost: h\n\n", "GET http://h?q HTTP/1.1 keep [host=h] | end | more"),
    (
        "GET HTTPS://H.example:8443/a HTTP/1.1\nHost: h.EXAMPLE:8443\n\n",
        "GET HTTPS://H.example:8443/a HTTP/1.1 keep [host=h.EXAMPLE:8443] | end | more",
    ),
    (
        "GET http://[::1]:80/ HTTP/1.1\nHost: [::1]:80\n\n",
        "GET http://[::1]:80/ HTTP/1.1 keep [host=[::1]:80] | end | more",
    ),
    ("OPTIONS * HTTP/1.1\nHost: h\n\n", "OPTIONS * HTTP/1.1 keep [host=h] | end | more"),
    ("OPTIONS / HTTP/1.1\nHost: h\n\n", "OPTIONS / HTTP/1.1 keep [host=h] | end | more"),
    ("CONNECT h:443 HTTP/1.1\nHost: h:443\n\n", "CONNECT h:443 HTTP/1.1 [host=h:443] | end | close"),
    (
        "CONNECT h:443 HTTP/1.1\nHost: h:443\n\nGET /smuggled HTTP/1.1\nHost: h\n\n",
        "CONNECT h:443 HTTP/1.1 [host=h:443] | end | close",
    ),
    ("TRACE / HTTP/1.1\nHost: h\n\n", "TRACE / HTTP/1.1 keep [host=h] | end | more"),
    ("get / HTTP/1.1\nHost: h\n\n", "get / HTTP/1.1 keep [host=h] | end | more"),
    ("!#$%&'*+-.^_`|~09 / HTTP/1.1\nHost: h\n\n", "!#$%&'*+-.^_`|~09 / HTTP/1.1 keep [host=h] | end | more"),
    (
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\nHost: h\n\n",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1 keep [host=h] | end | more",
    ),
    // HTTP/1.0, and what becomes of the connection.
    ("GET / HTTP/1.0\n\n", "GET / HTTP/1.0 [] | end | close"),
    ("GET / HTTP/1.0\n\nGET /next HTTP/1.0\n\n", "GET / HTTP/1.0 [] | end | close"),
    ("GET / HTTP/1.0\nHost: h\n\n", "GET / HTTP/1.0 [host=h] | end | close"),
    ("GET / HTTP/1.0\nConnection: Keep-Alive\n\n", "GET / HTTP/1.0 keep [connection=Keep-Alive] | end | more"),
    (
        "GET / HTTP/1.0\nConnection: keep-alive, close\n\n",
        "GET / HTTP/1.0 [connection=keep-alive, close] | end | close",
    ),
    ("POST / HTTP/1.0\nContent-Length: 1\n\nxy", "POST / HTTP/1.0 length=1 [content-length=1] | 'x' | end | close"),
    (
        "POST / HTTP/1.0\nContent-Length: 1\nExpect: 100-continue\n\nx",
        "POST / HTTP/1.0 length=1 [content-length=1; expect=100-continue] | 'x' | end | close",
    ),
    ("GET http://h/ HTTP/1.0\n\n", "GET http://h/ HTTP/1.0 [] | end | close"),
    (
        "GET / HTTP/1.1\nHost: h\nConnection: CLOSE\n\nGET / HTTP/1.1\n",
        "GET / HTTP/1.1 [host=h; connection=CLOSE] | end | close",
    ),
    (
        "GET / HTTP/1.1\nHost: h\nConnection: a ,, close\t\n\n",
        "GET / HTTP/1.1 [host=h; connection=a ,, close] | end | close",
    ),
    (
        "GET / HTTP/1.1\nHost: h\nConnection: a\nConnection: close\n\n",
        "GET / HTTP/1.1 [host=h; connection=a; connection=close] | end | close",
    ),
    (
        "GET / HTTP/1.1\nHost: h\nConnection: keep-alive\n\n",
        "GET / HTTP/1.1 keep [host=h; connection=keep-alive] | end | more",
    ),
    ("GET / HTTP/1.1\nHost: h\nConnection:\n\n", "GET / HTTP/1.1 keep [host=h; connection=] | end | more"),
    ("GET / HTTP/1.1\nHost: h\nConnection: closed\n\n", "GET / HTTP/1.1 keep [host=h; connection=closed] | end | more"),
    // Upgrade.
    (
        "GET / HTTP/1.1\nHost: h\nConnection: keep-alive, Upgrade\nUpgrade: websocket\n\n",
        "GET / HTTP/1.1 keep upgrade [host=h; connection=keep-alive, Upgrade; upgrade=websocket] | end | more",
    ),
    ("GET / HTTP/1.1\nHost: h\nUpgrade: websocket\n\n", "GET / HTTP/1.1 keep [host=h; upgrade=websocket] | end | more"),
    (
        "GET / HTTP/1.1\nHost: h\nConnection: upgrade\n\n",
        "GET / HTTP/1.1 keep [host=h; connection=upgrade] | end | more",
    ),
    (
        "GET / HTTP/1.1\nHost: h\nConnection: upgrade\nUpgrade:\n\n",
        "GET / HTTP/1.1 keep [host=h; connection=upgrade; upgrade=] | end | more",
    ),
    (
        "GET / HTTP/1.0\nConnection: upgrade\nUpgrade: x\n\n",
        "GET / HTTP/1.0 [connection=upgrade; upgrade=x] | end | close",
    ),
    // Fields.
    ("GET / HTTP/1.1\nHost: h\nA:\n\n", "GET / HTTP/1.1 keep [host=h; a=] | end | more"),
    ("GET / HTTP/1.1\nHost: h\nA: \t \n\n", "GET / HTTP/1.1 keep [host=h; a=] | end | more"),
    ("GET / HTTP/1.1\nHost: \t h \t\nA:\tb\tc \n\n", "GET / HTTP/1.1 keep [host=h; a=b\\tc] | end | more"),
    ("GET / HTTP/1.1\nHost: h\nA: :b: c\n\n", "GET / HTTP/1.1 keep [host=h; a=:b: c] | end | more"),
    ("GET / HTTP/1.1\nHost: h\nA: \u{80}\u{ff}\n\n", "GET / HTTP/1.1 keep [host=h; a=\\x80\\xff] | end | more"),
    ("GET / HTTP/1.1\nHost: h\nA: 1\nB: 2\na: 3\n\n", "GET / HTTP/1.1 keep [host=h; a=1; a=3; b=2] | end | more"),
    (
        "GET / HTTP/1.1\nHost: h\n!#$%&'*+-.^_`|~09a: 1\n\n",
        "GET / HTTP/1.1 keep [host=h; !#$%&'*+-.^_`|~09a=1] | end | more",
    ),
    (
        "GET / HTTP/1.1\nHost: h\nContent-Lengths: a\nX-Content-Length: b\n\n",
        "GET / HTTP/1.1 keep [host=h; content-lengths=a; x-content-length=b] | end | more",
    ),
    (
        "GET / HTTP/1.1\nHost: h\nTE: trailers\nTrailer: a\n\n",
        "GET / HTTP/1.1 keep [host=h; te=trailers; trailer=a] | end | more",
    ),
    // Hosts.
    ("GET / HTTP/1.1\nHost: a_b.example.:65535\n\n", "GET / HTTP/1.1 keep [host=a_b.example.:65535] | end | more"),
    ("GET / HTTP/1.1\nHost: 127.0.0.1:\n\n", "GET / HTTP/1.1 keep [host=127.0.0.1:] | end | more"),
    ("GET / HTTP/1.1\nHost: [2001:db8::1]\n\n", "GET / HTTP/1.1 keep [host=[2001:db8::1]] | end | more"),
    // Bodies with a length.
    ("POST / HTTP/1.1\nHost: h\n\n", "POST / HTTP/1.1 keep [host=h] | end | more"),
    (
        "POST / HTTP/1.1\nHost: h\nContent-Length: 0\n\n",
        "POST / HTTP/1.1 length=0 keep [host=h; content-length=0] | end | more",
    ),
    (
        "POST / HTTP/1.1\nHost: h\nContent-Length: 3\n\nabc",
        "POST / HTTP/1.1 length=3 keep [host=h; content-length=3] | 'abc' | end | more",
    ),
    (
        "GET / HTTP/1.1\nHost: h\nContent-Length: 3\n\n\0\n",
        "GET / HTTP/1.1 length=3 keep [host=h; content-length=3] | '\\x00\\r\\n' | end | more",
    ),
    (
        "POST / HTTP/1.1\nHost: h\nContent-Length: 3\n\nab",
        "POST / HTTP/1.1 length=3 keep [host=h; content-length=3] | 'ab' | more",
    ),
    (
        "POST / HTTP/1.1\nHost: h\nContent-Length: 9223372036854775807\n\n",
        "POST / HTTP/1.1 length=9223372036854775807 keep [host=h; content-length=9223372036854775807] | more",
    ),
    (
        "POST / HTTP/1.1\nHost: h\nContent-Length: 1\nExpect: 100-Continue\n\n",
        "POST / HTTP/1.1 length=1 keep continue [host=h; content-length=1; expect=100-Continue] | more",
    ),
    (
        "GET / HTTP/1.1\nHost: h\nExpect: 100-continue\n\n",
        "GET / HTTP/1.1 keep [host=h; expect=100-continue] | end | more",
    ),
    // Chunks.
    ("C0\n\n", "C | end | more"),
    ("C000\n\n", "C | end | more"),
    ("C0000000000000000\n\n", "C | end | more"),
    ("C3\nabc\n0\n\n", "C | 'abc' | end | more"),
    ("C0000000000000003\nabc\n0\n\n", "C | 'abc' | end | more"),
    ("C1\na\nA\n0123456789\na\n0123456789\n0\n\n", "C | 'a01234567890123456789' | end | more"),
    ("C2\n\n\n0\n\n", "C | '\\r\\n' | end | more"),
    ("C3\n0\n\n0\n\n", "C | '0\\r\\n' | end | more"),
    ("C5\n0\n\n\n0\n\n", "C | '0\\r\\n\\r\\n' | end | more"),
    ("C7fffffffffffffff\na", "C | 'a' | more"),
    ("C0\na: b\nc:\n\n", "C | end | more"),
    ("C0\nContent-Length: 5\nHost: x\n\n", "C | end | more"),
    // Pipelines.
    (
        "GET /1 HTTP/1.1\nHost: h\n\nGET /2 HTTP/1.1\nHost: h\n\n",
        "GET /1 HTTP/1.1 keep [host=h] | end | GET /2 HTTP/1.1 keep [host=h] | end | more",
    ),
    (
        "GET /1 HTTP/1.1\nHost: h\n\n\nGET /2 HTTP/1.1\nHost: h\n\n\n",
        "GET /1 HTTP/1.1 keep [host=h] | end | GET /2 HTTP/1.1 keep [host=h] | end | more",
    ),
    (
        "POST /1 HTTP/1.1\nHost: h\nContent-Length: 2\n\nabGET /2 HTTP/1.1\nHost: h\n\n",
        "POST /1 HTTP/1.1 length=2 keep [host=h; content-length=2] | 'ab' | end | GET /2 HTTP/1.1 keep [host=h] | end | more",
    ),
    ("C1\na\n0\n\nGET /2 HTTP/1.1\nHost: h\n\n", "C | 'a' | end | GET /2 HTTP/1.1 keep [host=h] | end | more"),
    (
        "GET /1 HTTP/1.1\nHost: h\n\nGET /2 HTTP/1.1\nHost: h\nConnection: close\n\nGET /3 HTTP/1.1\nHost: h\n\n",
        "GET /1 HTTP/1.1 keep [host=h] | end | GET /2 HTTP/1.1 [host=h; connection=close] | end | close",
    ),
    ("GET /1 HTTP/1.1\nHost: h\n\nGET /2 HTTP/1.1\n\n", "GET /1 HTTP/1.1 keep [host=h] | end | HostMissing@17"),
    // The caller's end.
    ("|", "close"),
    ("\n|", "close"),
    ("GET / HTTP/1.1\nHost: h\n\n|", "GET / HTTP/1.1 keep [host=h] | end | close"),
    ("GET / HTTP/1.1\nHost: h\n\n\n|", "GET / HTTP/1.1 keep [host=h] | end | close"),
    (
        "GET /1 HTTP/1.1\nHost: h\n\nGET /2 HTTP/1.1\nHost: h\n\n|",
        "GET /1 HTTP/1.1 keep [host=h] | end | GET /2 HTTP/1.1 keep [host=h] | end | close",
    ),
    (
        "POST / HTTP/1.1\nHost: h\nContent-Length: 1\n\na|",
        "POST / HTTP/1.1 length=1 keep [host=h; content-length=1] | 'a' | end | close",
    ),
    ("C1\na\n0\n\n|", "C | 'a' | end | close"),
    // Not yet anything.
    ("", "more"),
    ("G", "more"),
    ("\n", "more"),
    ("GET / HTTP/1.1\nHost: h\n", "more"),
];

/// What stands before `C` in a case of chunks, and what is told of it.
const CHUNKED: (&str, &str) = (
    "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: Chunked\n\n",
    "POST / HTTP/1.1 chunked keep [host=h; transfer-encoding=Chunked]",
);

/// What arrives, its events, and whether the caller's end follows.
pub(crate) fn cases() -> impl Iterator<Item = (String, String, bool)> {
    CASES.iter().map(|(sent, expected)| {
        let (text, eof) = sent.strip_suffix('|').map_or((*sent, false), |text| (text, true));
        let (text, expected) = match (text.strip_prefix('C'), expected.strip_prefix('C')) {
            (Some(chunks), Some(rest)) if !text.starts_with("CONNECT") => {
                (format!("{}{chunks}", CHUNKED.0), format!("{}{rest}", CHUNKED.1))
            }
            _ => (text.to_owned(), (*expected).to_owned()),
        };
        (text, expected, eof)
    })
}
