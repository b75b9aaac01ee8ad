//! What a service answered → what leaves: the contract's table of statuses, and where a `Location` leads.
//!
//! It decides from the status alone; whoever relays the answer reads its body.

mod location;

use http::Method;

pub use location::{RewrittenLocation, rewrite_location};

use crate::contract::Cause;

/// The settings of an API that bear on its service's answers.
#[derive(Clone, Copy, Debug)]
pub struct MappingSettings<'a> {
    /// The strict contract; otherwise the service's answers pass unchanged.
    pub strict: bool,
    /// Whether a 401 of the service is the caller's to mend.
    pub pass_401: bool,
    /// Final statuses that pass as they are.
    pub pass_statuses: &'a [u16],
    /// Whether a 101 is expected.
    pub websocket: bool,
}

impl Default for MappingSettings<'_> {
    fn default() -> Self {
        Self { strict: true, pass_401: false, pass_statuses: &[], websocket: false }
    }
}

/// What becomes of the body of an answer that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedBody {
    /// It is relayed.
    Kept,
    /// There is none, and `Content-Length: 0` says so.
    Empty,
    /// There is none because of the method or status; the header fields stay as the service sent them.
    HeadersOnly,
}

/// What leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// The service's answer under this status.
    Pass {
        /// The status that leaves.
        status: u16,
        /// What becomes of its body.
        body: PassedBody,
    },
    /// An interim answer (1xx) that is dropped; the final one is still to come.
    Interim,
    /// The protocol is switched (101).
    Upgrade,
    /// The caller is refused in the contract's form, with the service's words and body.
    Refuse {
        /// The row of the table.
        cause: Cause,
        /// The status that leaves; for a 401, the API's challenges are to be added.
        status: u16,
    },
    /// A service failure that leaves as 500 [`Cause::Unexpected`]; its body is for operators.
    Unexpected,
    /// A service failure that leaves as 503 [`Cause::ServiceUnavailable`].
    Unavailable,
    /// A service failure that leaves as 503 [`Cause::ServiceTimeout`].
    Timeout,
}

/// Decides what leaves for a status of the service. A status past 599, which HTTP doesn't have, counts as a 5xx.
#[must_use]
pub fn map(status: u16, method: &Method, settings: &MappingSettings<'_>) -> Mapped {
    match status {
        101 if settings.websocket => return Mapped::Upgrade,
        101 => return Mapped::Unexpected,
        100..=199 => return Mapped::Interim,
        200..=599 => {}
        // No such status can leave, whatever the contract.
        _ => return Mapped::Unexpected,
    }
    if !settings.strict || settings.pass_statuses.contains(&status) {
        let has_none = *method == Method::HEAD || matches!(status, 204 | 205 | 304);
        return Mapped::Pass { status, body: if has_none { PassedBody::HeadersOnly } else { PassedBody::Kept } };
    }
    match status {
        206 => Mapped::Unexpected,
        200..=299 => Mapped::Pass { status: 200, body: body_of_success(status, method) },
        400 | 415 | 429 => Mapped::Refuse { cause: Cause::ServiceRefused, status },
        401 if settings.pass_401 => Mapped::Refuse { cause: Cause::ServiceRefused, status },
        401 | 407 | 421 | 426 => Mapped::Unexpected,
        402 | 403 | 451 => Mapped::Refuse { cause: Cause::RecordDenied, status: 403 },
        404 | 410 => Mapped::Refuse { cause: Cause::RecordNotFound, status: 404 },
        405 => Mapped::Refuse { cause: Cause::ResourceNotFound, status: 404 },
        408 | 504 => Mapped::Timeout,
        412 => Mapped::Refuse { cause: Cause::PreconditionFailed, status: 400 },
        400..=499 => Mapped::Refuse { cause: Cause::ServiceRefused, status: 400 },
        502 | 503 | 507 => Mapped::Unavailable,
        _ => Mapped::Unexpected,
    }
}

fn body_of_success(status: u16, method: &Method) -> PassedBody {
    if matches!(status, 204 | 205) {
        PassedBody::Empty
    } else if *method == Method::HEAD {
        PassedBody::HeadersOnly
    } else {
        PassedBody::Kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::STATUSES;

    fn strict(status: u16) -> Mapped {
        map(status, &Method::GET, &MappingSettings::default())
    }

    /// The contract's table, written out in its own order and words.
    fn expected(status: u16) -> (u16, &'static str) {
        let rows: [(&[u16], (u16, &str)); 16] = [
            (&[204, 205], (200, "empty")),
            (&[206], (500, "unexpected")),
            (&[400], (400, "service-refused")),
            (&[403], (403, "record-denied")),
            (&[404], (404, "record-not-found")),
            (&[415], (415, "service-refused")),
            (&[429], (429, "service-refused")),
            (&[401], (500, "unexpected")),
            (&[405], (404, "resource-not-found")),
            (&[410], (404, "record-not-found")),
            (&[402, 451], (403, "record-denied")),
            (&[412], (400, "precondition-failed")),
            (&[406, 409, 411, 413, 414, 416, 417, 422, 428, 431], (400, "service-refused")),
            (&[407, 421, 426, 500], (500, "unexpected")),
            (&[408, 504], (503, "service-timeout")),
            (&[502, 503, 507], (503, "service-unavailable")),
        ];
        if let Some((_, row)) = rows.iter().find(|(statuses, _)| statuses.contains(&status)) {
            return *row;
        }
        match status {
            101 => (500, "unexpected"),
            100..=199 => (0, "interim"),
            200..=299 => (200, "kept"),
            400..=499 => (400, "service-refused"),
            _ => (500, "unexpected"),
        }
    }

    #[test]
    fn every_status_leaves_as_the_table_says() {
        for status in 100..=999 {
            let found = match strict(status) {
                Mapped::Pass { status, body: PassedBody::Kept } => (status, "kept"),
                Mapped::Pass { status, body: PassedBody::Empty } => (status, "empty"),
                Mapped::Pass { status, body: PassedBody::HeadersOnly } => (status, "headers"),
                Mapped::Interim => (0, "interim"),
                Mapped::Upgrade => (101, "upgrade"),
                Mapped::Refuse { cause, status } => (status, cause.code()),
                Mapped::Unexpected => (500, Cause::Unexpected.code()),
                Mapped::Unavailable => (503, Cause::ServiceUnavailable.code()),
                Mapped::Timeout => (503, Cause::ServiceTimeout.code()),
            };
            assert_eq!(found, expected(status), "{status}");
            assert!(found.0 == 0 || STATUSES.contains(&found.0), "{status}");
        }
    }

    #[test]
    fn a_refusal_has_its_causes_status() {
        for status in 100..=999 {
            if let Mapped::Refuse { cause, status } = strict(status) {
                assert!(cause == Cause::ServiceRefused || cause.status() == status);
            }
        }
    }

    #[test]
    fn head_has_headers_only() {
        let settings = MappingSettings::default();
        let passed = |status, body| Mapped::Pass { status, body };
        assert_eq!(map(201, &Method::HEAD, &settings), passed(200, PassedBody::HeadersOnly));
        assert_eq!(map(204, &Method::HEAD, &settings), passed(200, PassedBody::Empty));
    }

    #[test]
    fn settings_let_through() {
        let settings =
            MappingSettings { pass_401: true, pass_statuses: &[206, 302, 304, 409, 503], ..MappingSettings::default() };
        for (status, body) in [
            (206, PassedBody::Kept),
            (302, PassedBody::Kept),
            (304, PassedBody::HeadersOnly),
            (409, PassedBody::Kept),
            (503, PassedBody::Kept),
        ] {
            assert_eq!(map(status, &Method::GET, &settings), Mapped::Pass { status, body });
        }
        let refused = Mapped::Refuse { cause: Cause::ServiceRefused, status: 401 };
        assert_eq!(map(401, &Method::GET, &settings), refused);
        let interim = MappingSettings { pass_statuses: &[101, 103, 600], ..MappingSettings::default() };
        assert_eq!(map(101, &Method::GET, &interim), Mapped::Unexpected);
        assert_eq!(map(103, &Method::GET, &interim), Mapped::Interim);
        assert_eq!(map(600, &Method::GET, &interim), Mapped::Unexpected);
    }

    #[test]
    fn a_switch_of_protocol_is_asked_for() {
        let settings = MappingSettings { websocket: true, ..MappingSettings::default() };
        assert_eq!(map(101, &Method::GET, &settings), Mapped::Upgrade);
        assert_eq!(map(102, &Method::GET, &settings), Mapped::Interim);
    }

    #[test]
    fn transparent_changes_no_final_status() {
        let settings = MappingSettings { strict: false, ..MappingSettings::default() };
        for status in 200..=599 {
            assert!(
                matches!(map(status, &Method::GET, &settings), Mapped::Pass { status: left, .. } if left == status)
            );
        }
        assert_eq!(map(600, &Method::GET, &settings), Mapped::Unexpected, "HTTP has no such status");
        assert_eq!(map(101, &Method::GET, &settings), Mapped::Unexpected);
        assert_eq!(map(103, &Method::GET, &settings), Mapped::Interim);
    }
}
