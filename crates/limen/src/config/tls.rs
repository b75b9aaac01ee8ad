//! What a listener is told of TLS: which files belong together, before any of them is looked at.

use std::path::PathBuf;

use limen_gateway::tls::{CallerCertificates, CertificateFiles, Files, Versions};
use limen_rules::declared::Complaint;
use serde_json::Value as Json;

/// A setting of TLS that is one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    CertificateFile,
    KeyFile,
    CallerCaFile,
    CallerCertificates,
}

/// TLS of one listener while it is gathered.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsDraft {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    /// Further certificates with their keys, in the order of the file.
    more: Vec<(PathBuf, PathBuf)>,
    caller_ca: Option<PathBuf>,
    caller_required: Option<bool>,
}

impl TlsDraft {
    pub(super) fn set_file(&mut self, part: Part, path: PathBuf) {
        let place = match part {
            Part::CertificateFile => &mut self.certificate,
            Part::KeyFile => &mut self.key,
            Part::CallerCaFile | Part::CallerCertificates => &mut self.caller_ca,
        };
        *place = Some(path);
    }

    pub(super) fn set_callers_required(&mut self, required: bool) {
        self.caller_required = Some(required);
    }

    /// Takes the list of certificates, whose form was checked.
    pub(super) fn set_list(&mut self, list: Option<&Json>) {
        let text = |pair: &Json, name: &str| pair.get(name).and_then(Json::as_str).map(PathBuf::from);
        let pairs = list.and_then(Json::as_array).into_iter().flatten();
        self.more = pairs.filter_map(|pair| Some((text(pair, "certificate_file")?, text(pair, "key_file")?))).collect();
    }

    /// What doesn't fit together, and the part that it is told of.
    pub(super) fn flaws(&self) -> Vec<(Part, Complaint)> {
        let mut flaws = Vec::new();
        let mut flaw = |part, message: &str, mend: &str| flaws.push((part, (message.to_owned(), mend.to_owned())));
        match (&self.certificate, &self.key) {
            (Some(_), None) => {
                flaw(Part::CertificateFile, "has no 'key_file' beside it", "name the certificate's key too")
            }
            (None, Some(_)) => {
                flaw(Part::KeyFile, "has no 'certificate_file' beside it", "name the key's certificate too")
            }
            _ => {}
        }
        let has_certificate = self.certificate.is_some() || self.key.is_some() || !self.more.is_empty();
        match (&self.caller_ca, self.caller_required) {
            (Some(_), _) if !has_certificate => {
                flaw(Part::CallerCaFile, "means nothing without TLS", "add 'certificate_file' and 'key_file'");
            }
            (None, Some(_)) => flaw(
                Part::CallerCertificates,
                "means nothing without 'caller_ca_file'",
                "name the file with the authorities that sign callers' certificates",
            ),
            _ => {}
        }
        flaws
    }

    /// What a listener needs; none without any certificate. `section` is what its fields begin with.
    pub(super) fn finish(self, section: &str, versions: Versions) -> Option<Files> {
        let field = |name: String| format!("{section}.tls.{name}");
        let first = self.certificate.zip(self.key).map(|(certificate, key)| CertificateFiles {
            certificate,
            key,
            fields: (field("certificate_file".into()), field("key_file".into())),
        });
        let more = self.more.into_iter().enumerate().map(|(at, (certificate, key))| CertificateFiles {
            certificate,
            key,
            fields: (
                field(format!("certificates[{at}].certificate_file")),
                field(format!("certificates[{at}].key_file")),
            ),
        });
        let certificates: Vec<_> = first.into_iter().chain(more).collect();
        // Who names authorities means them, unless told otherwise.
        let required = self.caller_required.unwrap_or(true);
        let ca_field = field("caller_ca_file".into());
        let callers = self.caller_ca.map(|ca| CallerCertificates { ca, field: ca_field, required });
        (!certificates.is_empty()).then_some(Files { certificates, callers, versions })
    }
}
