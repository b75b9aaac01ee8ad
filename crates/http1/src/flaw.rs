//! What can be wrong with the bytes of a request, each with words that say what and how to mend it.
//!
//! It knows no status: which answer a flaw gets is decided elsewhere.

use std::fmt;

/// A flaw and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is wrong.
    pub flaw: Flaw,
    /// The first wrong byte, counted from the first byte of this request; what is missing, where it should stand.
    pub offset: u64,
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (byte {})", self.flaw.words(), self.offset)
    }
}

impl std::error::Error for Malformed {}

/// Makes the flaws, their words, and the list of all of them.
macro_rules! flaws {
    ($($(#[$doc:meta])* $name:ident: $words:literal,)*) => {
        /// What is wrong with a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Flaw {
            $($(#[$doc])* $name,)*
        }

        impl Flaw {
            /// Every flaw.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// For the caller: what is wrong, and how to mend it. Never repeats what was sent.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)*
                }
            }
        }
    };
}

flaws! {
    /// White space before the request line (RFC 9112 §2.2).
    LeadingSpace: "There is white space before the request line; begin with the method.",
    /// More than one empty line before the request line (RFC 9112 §2.2 asks for one to be tolerated).
    EmptyLines: "There are empty lines before the request line; begin with the method.",
    /// The request line hasn't three parts (RFC 9112 §3); HTTP/0.9 is this.
    RequestLine: "The request line hasn't three parts; send METHOD TARGET HTTP/1.1.",
    /// Several spaces, or white space that isn't a space, between the parts, inside or after them (RFC 9112 §3).
    Separator: "The request line's parts aren't separated by exactly one space each; a space in the target is written %20.",
    /// The method isn't a token (RFC 9110 §5.6.2).
    Method: "The method holds a character that no method has; send one such as GET.",
    /// The method is over 32 bytes.
    MethodTooLong: "The method is longer than 32 characters; send one such as GET.",
    /// The version isn't `HTTP/1.1` or `HTTP/1.0`, in capitals (RFC 9112 §2.3).
    Version: "The version in the request line is neither HTTP/1.1 nor HTTP/1.0; send HTTP/1.1.",
    /// The target isn't of a form that its method has (RFC 9112 §3.2).
    TargetForm: "The target isn't of a form that this method has; send a path that begins with a slash.",
    /// A fragment in the target.
    TargetFragment: "The target has a fragment; leave out the # and what follows, or write # as %23.",
    /// A control character, or a byte that isn't ASCII, in the target.
    TargetCharacter: "The target holds a control character or a character that isn't ASCII; percent-encode it.",
    /// The authority of an absolute-form or authority-form target isn't a host with an optional port.
    TargetAuthority: "The target's authority isn't a host name or address with an optional port.",
    /// The authority of the target isn't what `Host` says (RFC 9112 §3.2).
    TargetHost: "The target's authority and the Host header differ; send the same in both.",
    /// A line ends without a carriage return.
    BareLineFeed: "A line ends in a line feed alone; end lines with carriage return and line feed.",
    /// A carriage return that isn't followed by a line feed.
    BareCarriageReturn: "A carriage return isn't followed by a line feed; end lines with both, and leave it out elsewhere.",
    /// The head is over its limit.
    HeadTooLarge: "The request line and headers are too large; send fewer or shorter headers.",
    /// There are more fields than the limit.
    TooManyFields: "There are too many headers; send fewer.",
    /// A field goes on in the next line (RFC 9112 §5.2), or white space stands before the first.
    FoldedField: "A header line begins with white space; write each header on one line.",
    /// White space between a field's name and its colon (RFC 9112 §5.1).
    SpaceBeforeColon: "There is white space between a header's name and its colon; leave it out.",
    /// A field without a name.
    EmptyFieldName: "A header has no name before its colon; give it one or leave it out.",
    /// A field's name isn't a token.
    FieldName: "A header's name holds a character that no name has; use letters, digits and hyphens.",
    /// A line without a colon.
    MissingColon: "A header line has no colon; write NAME: VALUE.",
    /// A control character in a field's value.
    FieldValue: "A header's value holds a control character; leave it out.",
    /// A field's name is that of a framing field, with underscores that some readers take for hyphens.
    Lookalike: "A header is named like Content-Length or Transfer-Encoding with an underscore; use a hyphen.",
    /// HTTP/1.1 without `Host` (RFC 9112 §3.2).
    HostMissing: "There is no Host header; HTTP/1.1 needs one.",
    /// HTTP/2 with neither `:authority` nor `Host` (RFC 9113 §8.3.1).
    AuthorityMissing: "There is neither an :authority nor a Host header; send :authority.",
    /// HTTP/2 with a `:scheme` that isn't `http` or `https`.
    Scheme: "The :scheme is neither http nor https; send the one that the address begins with.",
    /// HTTP/2 with a field that is of one connection of HTTP/1.1 (RFC 9113 §8.2.2).
    ConnectionField: "HTTP/2 has no Connection, Upgrade and Transfer-Encoding headers, and TE is trailers or absent.",
    /// HTTP/2 with white space around a field's value (RFC 9113 §8.2.1).
    SurroundedValue: "A header's value begins or ends with white space; leave it out.",
    /// More than one `Host`.
    HostRepeated: "There is more than one Host header; send one.",
    /// `Host` isn't an authority without user information (RFC 3986 §3.2).
    HostMalformed: "The Host header isn't a host name or address with an optional port.",
    /// More than one `Content-Length`, or a list of them, alike or not.
    ContentLengthRepeated: "There is more than one Content-Length; send one.",
    /// `Content-Length` isn't digits alone without needless zeros.
    ContentLengthMalformed: "The Content-Length isn't one plain decimal number; send digits only.",
    /// `Content-Length` is over 63 bits.
    ContentLengthTooLarge: "The Content-Length is larger than any body can be.",
    /// More than one `Transfer-Encoding`, or a list.
    TransferEncodingRepeated: "There is more than one Transfer-Encoding; send chunked, once.",
    /// `Transfer-Encoding` isn't `chunked`.
    TransferEncodingUnsupported: "The Transfer-Encoding isn't exactly chunked; send that, or a Content-Length.",
    /// `Transfer-Encoding` in HTTP/1.0 (RFC 9112 §6.1).
    TransferEncodingInHttp10: "Transfer-Encoding exists in HTTP/1.1 only; send a Content-Length.",
    /// `Content-Length` beside `Transfer-Encoding` (RFC 9112 §6.1).
    LengthAndTransferEncoding: "There are both a Content-Length and a Transfer-Encoding; send one of them.",
    /// `Connection` isn't a list of tokens.
    ConnectionMalformed: "The Connection header isn't a list of names; send close or keep-alive, or leave it out.",
    /// `Expect` is something other than one `100-continue` (RFC 9110 §10.1.1).
    ExpectUnsupported: "The Expect header isn't exactly 100-continue; send that or leave it out.",
    /// A chunk without a size.
    ChunkSizeEmpty: "A chunk of the body has no size; begin each chunk with its size in hexadecimal.",
    /// A chunk's size isn't hexadecimal digits alone.
    ChunkSizeMalformed: "The size of a chunk of the body isn't hexadecimal digits alone.",
    /// A chunk's size has more than 16 digits or is over 63 bits.
    ChunkSizeTooLarge: "The size of a chunk of the body is larger than any chunk can be.",
    /// A chunk extension (RFC 9112 §7.1.1), which readers end at different places.
    ChunkExtension: "A chunk of the body has an extension after its size; leave it out.",
    /// A chunk's data isn't followed by CR LF.
    ChunkEnd: "The data of a chunk isn't followed by carriage return and line feed; its size may be wrong.",
    /// The trailer section is over its limits.
    TrailersTooLarge: "The trailers after the body are too large or too many; leave them out.",
    /// The caller ended inside a head.
    TruncatedHead: "The connection ended inside the request line or headers.",
    /// The caller ended inside a body.
    TruncatedBody: "The connection ended before the body was complete; send as much as was announced.",
}

impl Flaw {
    /// Whether nothing is wrong but the size of head or trailers: `headers-too-large`.
    #[must_use]
    pub const fn is_too_large(self) -> bool {
        matches!(self, Self::HeadTooLarge | Self::TooManyFields | Self::TrailersTooLarge)
    }

    /// Whether the caller left off: there may be nobody to answer.
    #[must_use]
    pub const fn is_truncated(self) -> bool {
        matches!(self, Self::TruncatedHead | Self::TruncatedBody)
    }
}
