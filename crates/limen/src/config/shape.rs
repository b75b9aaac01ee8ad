//! What `limen.yaml` may hold: the form of every field, in one table per mapping.
//!
//! Forms only: which values are allowed is decided in `limen_rules::declared` and `settings`.

/// The form of a value.
#[derive(Debug)]
pub(crate) enum Form {
    /// Text; a whole number is taken as it would be written.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number from 0 to this.
    Whole(u64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of this.
    List(&'static Form),
    /// A mapping with these fields.
    Mapping(&'static [Field]),
    /// A mapping from names of the writer's choice to this.
    Named(&'static Form),
    /// Anything that JSON can say.
    Json,
    /// A quota, whose period has two spellings.
    Quota,
}

/// A field of a mapping.
#[derive(Debug)]
pub(crate) struct Field {
    /// Its name.
    pub(crate) name: &'static str,
    /// The form of its value.
    pub(crate) form: Form,
    /// Whether it must be there.
    pub(crate) needed: bool,
}

const fn field(name: &'static str, form: Form) -> Field {
    Field { name, form, needed: false }
}

const fn needed(name: &'static str, form: Form) -> Field {
    Field { name, form, needed: true }
}

const TEXTS: Form = Form::List(&Form::Text);
const ACCESS: Form = Form::Word(&["key+token", "key", "token", "open"]);
const SMALL: Form = Form::Whole(u32::MAX as u64);
const LARGE: Form = Form::Whole(i64::MAX as u64);

/// The sections that the command line and the environment can override.
pub(crate) const SETTINGS: &[&str] =
    &["gateway", "web", "data_dir", "secret_file", "log", "access_log", "metrics", "outbound", "sign_in"];

/// The whole file.
pub(crate) static FILE: Form = Form::Mapping(&[
    field("gateway", Form::Mapping(GATEWAY)),
    field("web", Form::Mapping(WEB)),
    field("data_dir", Form::Text),
    field("secret_file", Form::Text),
    field("log", Form::Mapping(LOG)),
    field("access_log", Form::Mapping(ACCESS_LOG)),
    field("metrics", Form::Mapping(METRICS)),
    field("outbound", Form::Mapping(OUTBOUND)),
    field("sign_in", Form::Mapping(&[field("provider", Form::Mapping(PROVIDER))])),
    field("apis", Form::List(&Form::Mapping(API))),
    field("products", Form::List(&Form::Mapping(PRODUCT))),
    field("developers", Form::List(&Form::Mapping(DEVELOPER))),
    field("applications", Form::List(&Form::Mapping(APPLICATION))),
    field("environments", Form::List(&Form::Mapping(ENVIRONMENT))),
    field("roles", Form::List(&Form::Mapping(ROLE))),
    field("users", Form::List(&Form::Mapping(USER))),
    field("connections", Form::List(&Form::Mapping(CONNECTION))),
    field("issuers", Form::List(&Form::Mapping(ISSUER))),
]);

/// The fields of `quota`.
pub(crate) const QUOTA: &[Field] = &[
    field("calls", LARGE),
    field("bytes", LARGE),
    field("period", Form::Word(&["day", "week", "month"])),
    field("time_zone", Form::Text),
    field("period_s", LARGE),
];

const GATEWAY: &[Field] = &[
    field("listen", Form::Text),
    field("public_url", Form::Text),
    field("snapshot_max_age_s", Form::Text),
    field("trusted_proxies", TEXTS),
    field("forwarded_field", Form::Text),
    field("proxy_protocol", Form::Text),
    field("connections_max", Form::Text),
    field("connections_per_address_max", Form::Text),
    field("head_timeout_s", Form::Text),
    field("idle_timeout_s", Form::Text),
    field("stall_timeout_s", Form::Text),
    field("slowest_bytes_per_s", Form::Text),
    field("drain_grace_ms", Form::Text),
    field("drain_timeout_s", Form::Text),
    field("tls", Form::Mapping(GATEWAY_TLS)),
];

const GATEWAY_TLS: &[Field] = &[
    field("certificate_file", Form::Text),
    field("key_file", Form::Text),
    field("certificates", Form::List(&Form::Mapping(CERTIFICATE))),
    field("caller_ca_file", Form::Text),
    field("caller_certificates", Form::Text),
];

const CERTIFICATE: &[Field] = &[needed("certificate_file", Form::Text), needed("key_file", Form::Text)];

const WEB: &[Field] =
    &[field("listen", Form::Text), field("public_url", Form::Text), field("tls", Form::Mapping(WEB_TLS))];

const WEB_TLS: &[Field] = &[field("certificate_file", Form::Text), field("key_file", Form::Text)];

const LOG: &[Field] = &[field("format", Form::Text), field("level", Form::Text)];

const ACCESS_LOG: &[Field] =
    &[field("file", Form::Text), field("format", Form::Text), field("max_mib", Form::Text), field("keep", Form::Text)];

const METRICS: &[Field] = &[field("listen", Form::Text)];

const OUTBOUND: &[Field] = &[field("allow", TEXTS), field("ca_file", Form::Text)];

const PROVIDER: &[Field] = &[
    field("issuer", Form::Text),
    field("application_id", Form::Text),
    field("secret_file", Form::Text),
    field("title", Form::Text),
    field("scopes", TEXTS),
    field("link_by_email", Form::Boolean),
    field("only", Form::Boolean),
];

const API: &[Field] = &[
    needed("name", Form::Text),
    field("title", Form::Text),
    needed("base_path", Form::Text),
    field("target", Form::Text),
    field("targets", Form::List(&Form::Mapping(TARGET))),
    field("target_tls", Form::Mapping(TARGET_TLS)),
    field("breaker", Form::Mapping(BREAKER)),
    field("health", Form::Mapping(HEALTH)),
    field("auto_incident", Form::Boolean),
    field("auto_incident_after_s", LARGE),
    field("access", ACCESS),
    field("key", Form::Mapping(KEY)),
    field("visibility", Form::Word(&["public", "private"])),
    field("contract", Form::Word(&["strict", "transparent"])),
    field("error_body", Form::Word(&["wrap", "pass"])),
    field("bind", Form::Word(&["application", "none"])),
    field("validate", VALIDATE),
    field("unknown_parameters", Form::Word(&["pass", "refuse"])),
    field("read_only", Form::Word(&["refuse", "pass"])),
    field("check_answers", Form::Boolean),
    field("media_types", TEXTS),
    field("body_max_bytes", LARGE),
    field("preserve_host", Form::Boolean),
    field("forward_token", Form::Boolean),
    field("cookies", Form::Boolean),
    field("websocket", Form::Boolean),
    field("assertion", Form::Boolean),
    field("pass_401", Form::Boolean),
    field("pass_statuses", Form::List(&Form::Whole(u16::MAX as u64))),
    field("cors", Form::Mapping(CORS)),
    field("deadlines", Form::Mapping(DEADLINES)),
    field("retry_after_s", LARGE),
    field("record_denied", Form::Whole(u16::MAX as u64)),
    field("policies", Form::Mapping(POLICIES)),
    field("operations", Form::List(&Form::Mapping(OPERATION))),
    field("schemas", Form::Named(&Form::Json)),
    field("document", Form::Json),
];

const TARGET: &[Field] = &[needed("url", Form::Text), field("weight", SMALL)];

const TARGET_TLS: &[Field] = &[
    field("ca_file", Form::Text),
    field("certificate_file", Form::Text),
    field("key_file", Form::Text),
    field("server_name", Form::Text),
];

const BREAKER: &[Field] =
    &[field("enabled", Form::Boolean), field("failures", SMALL), field("window_s", LARGE), field("open_s", LARGE)];

const HEALTH: &[Field] = &[
    needed("path", Form::Text),
    field("interval_s", LARGE),
    field("timeout_ms", LARGE),
    field("healthy", SMALL),
    field("unhealthy", SMALL),
];

const KEY: &[Field] = &[
    field("header", Form::Text),
    field("aliases", TEXTS),
    field("query_parameter", Form::Boolean),
    field("challenge", Form::Text),
];

const CORS: &[Field] =
    &[field("allow_origins", TEXTS), field("allow_credentials", Form::Boolean), field("max_age_s", SMALL)];

const DEADLINES: &[Field] =
    &[field("connect_timeout_ms", LARGE), field("response_timeout_ms", LARGE), field("idle_timeout_ms", LARGE)];

const OPERATION: &[Field] = &[
    needed("name", Form::Text),
    needed("method", Form::Text),
    needed("path", Form::Text),
    field("permission", Form::Text),
    field("access", ACCESS),
    field("media_types", TEXTS),
    field("body_max_bytes", LARGE),
    field("validate", VALIDATE),
    field("title", Form::Text),
    field("deprecated", Form::Boolean),
    field("parameters", Form::List(&Form::Mapping(PARAMETER))),
    field("body", Form::Mapping(&[field("required", Form::Boolean), field("content", CONTENT)])),
    field("answers", Form::List(&Form::Mapping(&[needed("status", Form::Text), field("content", CONTENT)]))),
];

const VALIDATE: Form = Form::Word(&["schema", "syntax", "off"]);
const CONTENT: Form = Form::List(&Form::Mapping(&[needed("media_type", Form::Text), field("schema", Form::Json)]));

const PARAMETER: &[Field] = &[
    needed("name", Form::Text),
    needed("in", Form::Word(&["path", "query", "header", "cookie"])),
    field("required", Form::Boolean),
    field("style", Form::Word(&["simple", "label", "matrix", "form", "spaceDelimited", "pipeDelimited", "deepObject"])),
    field("explode", Form::Boolean),
    field("media_type", Form::Text),
    field("schema", Form::Json),
    field("deprecated", Form::Boolean),
];

const KINDS: Form = Form::Named(&Form::Word(&["string", "integer", "boolean", "strings", "integers"]));

const POLICIES: &[Field] =
    &[needed("text", Form::Text), field("query", TEXTS), field("attributes", KINDS), field("claims", KINDS)];

/// A file of cases for `limen policy test`.
pub(crate) static CASES: Form = Form::Mapping(&[needed("cases", Form::List(&Form::Mapping(CASE)))]);

const CASE: &[Field] = &[
    needed("name", Form::Text),
    field("api", Form::Text),
    needed("operation", Form::Text),
    field("user", Form::Text),
    field("roles", TEXTS),
    field("attributes", ATTRIBUTES),
    field("environment", Form::Text),
    field("application", Form::Text),
    field("path", ATTRIBUTES),
    field("query", ATTRIBUTES),
    field("claims", ATTRIBUTES),
    needed("expect", Form::Word(&["allow", "deny"])),
    field("by", Form::Text),
];

const ISSUER: &[Field] = &[
    needed("name", Form::Text),
    field("title", Form::Text),
    needed("issuer", Form::Text),
    field("form", Form::Word(&["signed", "opaque"])),
    field("jwks_url", Form::Text),
    field("jwks_pause_s", LARGE),
    field("audiences", TEXTS),
    field("token_types", TEXTS),
    field("lifetime_max_s", LARGE),
    needed("environments", TEXTS),
    field("apis", TEXTS),
    field(
        "claims",
        Form::Mapping(&[
            field("user", Form::Text),
            field("environment", Form::Text),
            field("roles", Form::Text),
            field("application", Form::Text),
            field("scope", Form::Text),
        ]),
    ),
    field("user_prefix", Form::Text),
    field("roles", Form::Named(&TEXTS)),
    field(
        "introspection",
        Form::Mapping(&[
            needed("url", Form::Text),
            needed("application_id", Form::Text),
            needed("secret_file", Form::Text),
            field("remember_s", LARGE),
        ]),
    ),
];

const PRODUCT: &[Field] = &[
    needed("name", Form::Text),
    field("title", Form::Text),
    field("apis", TEXTS),
    field("rate", Form::Mapping(&[needed("calls", SMALL), needed("window_s", SMALL)])),
    field("quota", Form::Quota),
    field("counted_by", Form::Word(&["subscription", "connection"])),
    field("approval_needed", Form::Boolean),
    field("terms", Form::Text),
];

const DEVELOPER: &[Field] = &[needed("name", Form::Text), field("title", Form::Text), field("email", Form::Text)];

const APPLICATION: &[Field] = &[
    needed("name", Form::Text),
    field("title", Form::Text),
    needed("developer", Form::Text),
    field("organisation", Form::Text),
    field("website", Form::Text),
    field("kind", Form::Word(&["confidential", "public"])),
    field("redirect_uris", TEXTS),
    field("disabled", Form::Boolean),
];

const ENVIRONMENT: &[Field] = &[
    needed("name", Form::Text),
    field("title", Form::Text),
    field("legal_entity", Form::Text),
    field("legal_entity_id", Form::Text),
];

const ROLE: &[Field] = &[needed("name", Form::Text), field("title", Form::Text), field("permissions", TEXTS)];

const USER: &[Field] = &[
    needed("name", Form::Text),
    field("title", Form::Text),
    field("email", Form::Text),
    field("given_name", Form::Text),
    field("family_name", Form::Text),
    field("external_subject", Form::Text),
    field("disabled", Form::Boolean),
    field("memberships", Form::List(&Form::Mapping(MEMBERSHIP))),
    field("attributes", ATTRIBUTES),
];

const ATTRIBUTES: Form = Form::Named(&Form::Json);

const MEMBERSHIP: &[Field] = &[
    needed("environment", Form::Text),
    field("roles", TEXTS),
    field("administrator", Form::Boolean),
    field("attributes", ATTRIBUTES),
];

const CONNECTION: &[Field] = &[
    needed("application", Form::Text),
    needed("environment", Form::Text),
    field("scopes", TEXTS),
    field("own_roles", TEXTS),
];

#[cfg(test)]
mod tests {
    use limen_rules::model::Declared;

    use super::*;

    /// Names of the fields below a form, with their paths.
    fn names(form: &Form, path: &str, into: &mut Vec<String>) {
        match form {
            Form::List(inner) => names(inner, path, into),
            Form::Mapping(fields) => {
                for field in *fields {
                    into.push(format!("{path}.{}", field.name));
                    names(&field.form, &format!("{path}.{}", field.name), into);
                }
            }
            Form::Text | Form::Boolean | Form::Whole(_) | Form::Word(_) | Form::Quota | Form::Json | Form::Named(_) => {
            }
        }
    }

    fn names_of_json(value: &serde_json::Value, path: &str, into: &mut Vec<String>) {
        match value {
            serde_json::Value::Array(list) => list.iter().for_each(|one| names_of_json(one, path, into)),
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    into.push(format!("{path}.{name}"));
                    let below = format!("{path}.{name}");
                    // What is below these is named by whoever writes it.
                    let named = ["quota", "schemas", "document", "schema", "attributes"].contains(&name.as_str());
                    if !named && ![".apis.policies.claims", ".issuers.roles"].contains(&below.as_str()) {
                        names_of_json(value, &below, into);
                    }
                }
            }
            _ => {}
        }
    }

    /// An object of every kind with every optional field filled, serialised by the model, must have the same fields
    /// as the table.
    #[test]
    fn the_table_has_the_fields_of_the_model() {
        let declared: Declared = serde_json::from_value(serde_json::json!({
            "apis": [{"name": "a", "base_path": "/a", "target": "http://a", "targets": [{"url": "http://a"}],
                "target_tls": {"ca_file": "a", "certificate_file": "a", "key_file": "a", "server_name": "a"},
                "health": {"path": "/"}, "operations": [
                {"name": "o", "method": "GET", "path": "/", "permission": "p", "access": "open", "media_types": [],
                 "body_max_bytes": 1, "validate": "off", "title": "t", "deprecated": true,
                 "parameters": [{"name": "p", "in": "query", "required": true, "style": "form", "explode": true,
                    "media_type": "a/b", "schema": {}, "deprecated": true}],
                 "body": {"required": true, "content": [{"media_type": "a/b", "schema": {}}]},
                 "answers": [{"status": "200", "content": [{"media_type": "a/b", "schema": {}}]}]}],
                "policies": {"text": "", "query": ["q"], "attributes": {"a": "string"},
                    "claims": {"c": "string"}},
                "schemas": {"a": {}}, "document": {}}],
            "products": [{"name": "p", "rate": {"calls": 1, "window_s": 1}, "terms": "t",
                "quota": {"calls": 1, "period": {"seconds": 1}}}],
            "developers": [{"name": "d"}], "applications": [{"name": "a", "developer": "d", "organisation": "o",
                "website": "w", "redirect_uris": ["u"]}],
            "environments": [{"name": "e", "legal_entity_id": "l"}], "roles": [{"name": "r"}],
            "users": [{"name": "u", "external_subject": "s", "given_name": "g", "family_name": "f",
                "attributes": {"a": 1},
                "memberships": [{"environment": "e", "administrator": true, "attributes": {"a": 1}}]}],
            "connections": [{"application": "a", "environment": "e", "scopes": ["s"], "own_roles": ["r"]}],
            "issuers": [{"name": "i", "issuer": "https://i", "jwks_url": "u", "jwks_pause_s": 1, "audiences": [], "environments": [],
                "apis": ["a"], "claims": {"environment": "e", "roles": "r", "scope": "s"}, "user_prefix": "i:",
                "roles": {"r": ["r"]}, "introspection": {"url": "u", "application_id": "a", "secret_file": "s"}}]
        }))
        .expect("a declared form");
        let (mut model, mut table) = (Vec::new(), Vec::new());
        names_of_json(&serde_json::to_value(declared).expect("JSON"), "", &mut model);
        names(&FILE, "", &mut table);
        table.retain(|name| !SETTINGS.iter().any(|section| name.split('.').nth(1) == Some(section)));
        model.sort();
        table.sort();
        assert_eq!(table, model);
    }
}
