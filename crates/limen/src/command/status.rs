//! `limen status`: addresses, APIs, notices, calls by status.

use limen_portal::wire::Status;

use super::show::{measured, number, plain, span, time};
use super::table::{sheet, table};
use super::{Context, Trouble, api, issuer, notice};

pub(super) fn run(context: &Context) -> Result<String, Trouble> {
    let flag = context.data_dir_flag();
    context.show(context.admin.get("/v1/status")?, |status| words(&status, context.now_us(), &flag))
}

fn words(status: &Status, now_us: i64, data_dir_flag: &str) -> String {
    let up_s = u64::try_from(now_us.saturating_sub(status.started_at_us) / 1_000_000).unwrap_or(0);
    let age = measured(status.snapshot_age_ms.saturating_mul(1_000));
    let sample = if status.sample {
        format!("alive; remove it with: limen sample remove{data_dir_flag}")
    } else {
        String::new()
    };
    let refused = status.upgrade_refused.as_ref();
    let refused =
        refused.map_or_else(String::new, |refused| format!("{}: {}", time(refused.at_us), plain(&refused.why)));
    let mut shown = sheet(&[
        ("Limen", format!("{}, up for {}, since {}", status.version, span(up_s), time(status.started_at_us))),
        ("gateway", status.gateway.clone()),
        ("web", status.web.clone()),
        ("snapshot", format!("revision {}, confirmed {age} ago", number(status.snapshot_revision))),
        ("subscriptions", number(status.subscriptions.try_into().unwrap_or(u64::MAX))),
        ("sample", sample),
        ("no upgrade at", refused),
    ]);
    shown.push('\n');
    shown.push_str(&api::list(&status.apis));
    if status.apis.iter().any(|line| !line.targets.is_empty()) {
        shown.push('\n');
        shown.push_str(&api::targets(&status.apis));
    }
    if !status.issuers.is_empty() {
        shown.push('\n');
        shown.push_str(&issuer::list(&status.issuers));
    }
    if !status.notices.is_empty() {
        shown.push('\n');
        shown.push_str(&notice::list(&status.notices, now_us));
    }
    shown.push('\n');
    if status.calls_by_status.is_empty() {
        shown.push_str("No call since the start.\n");
    } else {
        let rows = status.calls_by_status.iter().map(|(code, calls)| vec![code_word(*code), number(*calls)]);
        shown.push_str(&table(&["STATUS", "CALLS"], rows));
    }
    shown
}

/// A status, or what stands for callers who left before they were answered.
fn code_word(code: u16) -> String {
    if code == 0 { "left".to_owned() } else { code.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_at_a_glance() {
        let status: Status = serde_json::from_value(serde_json::json!({
            "version": "0.1.0", "gateway": "http://127.0.0.1:8080", "web": "http://127.0.0.1:8081",
            "started_at_us": 0, "snapshot_age_ms": 120, "snapshot_revision": 17, "sample": true,
            "apis": [{"name": "orders", "base_path": "/orders/v1", "target": "http://o", "products": ["standard"]}],
            "subscriptions": 3, "notices": [], "calls_by_status": [[200, 1234], [429, 5]]
        }))
        .expect("a status");
        let expected = "\
Limen          0.1.0, up for 1 h 1 min, since 1970-01-01 00:00:00Z
gateway        http://127.0.0.1:8080
web            http://127.0.0.1:8081
snapshot       revision 17, confirmed 120.0 ms ago
subscriptions  3
sample         alive; remove it with: limen sample remove

API     BASE PATH   TARGET    PRODUCTS
orders  /orders/v1  http://o  standard

STATUS  CALLS
200     1,234
429     5
";
        assert_eq!(words(&status, 3_661_000_000, ""), expected);
    }
}
