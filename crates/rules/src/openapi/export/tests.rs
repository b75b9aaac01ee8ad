use serde_json::Value;

use super::*;

const AT: PublishedAt<'static> =
    PublishedAt { gateway_url: "https://api.example.org", web_url: "https://pages.example.org" };

fn api(value: Value) -> Api {
    serde_json::from_value(value).unwrap()
}
