//! `limen publish` and `limen unpublish`: from a service's address to one curl that works, and back.

use limen_portal::wire::{ApiLine, Publish, Published};
use limen_rules::declared::{check_base_path, check_target, nearest};
use limen_rules::record::SubscriptionState;

use super::show::{quoted, segment};
use super::{Context, Trouble, read};
use crate::arguments;

pub(super) fn publish(context: &Context, asked: arguments::Publish) -> Result<String, Trouble> {
    let checks = [("--target", check_target(&asked.target)), ("--base-path", check_base_path(&asked.base_path))];
    for (flag, checked) in checks {
        if let Err((message, mend)) = checked {
            return Err(Trouble::wrong(format!("{flag}: {message}"), mend));
        }
    }
    let base_path = asked.base_path.clone();
    let publish = Publish {
        target: asked.target,
        base_path: asked.base_path,
        api: asked.name.map(Into::into),
        product: asked.product.map(Into::into),
        developer: asked.developer.map(Into::into),
        described: None,
    };
    let answer = context.admin.post("/v1/publish", &publish)?;
    context.show(answer, |published: Published| words(&published, &base_path, &context.data_dir_flag()))
}

fn words(published: &Published, base_path: &str, data_dir_flag: &str) -> String {
    let subscription = &published.subscription;
    let header = format!("{}: {}", published.key_header, subscription.primary_key);
    let try_it = if subscription.state == SubscriptionState::Requested {
        format!(
            "Product '{}' waits for approval. Approve, then try it:\n\n  limen subscription approve {}{data_dir_flag}\n",
            published.product, subscription.id
        )
    } else {
        "Try it:\n\n".to_owned()
    };
    format!(
        "Published API '{}' at {} with product '{}' and subscription {}.\n\n\
         {try_it}  curl -i -H {} {}\n\n\
         The keys are shown this once:\n  primary    {}\n  secondary  {}\n\n\
         Undo it (product and subscription stay):\n\n  limen unpublish --base-path {}{data_dir_flag}\n",
        published.api,
        published.url,
        published.product,
        subscription.id,
        quoted(&header),
        quoted(&format!("{}/", published.url.trim_end_matches('/'))),
        subscription.primary_key,
        subscription.secondary_key,
        quoted(base_path),
    )
}

pub(super) fn unpublish(context: &Context, base_path: &str) -> Result<String, Trouble> {
    let apis: Vec<ApiLine> = read(&context.admin.get("/v1/apis")?)?;
    let wanted = base_path.trim_end_matches('/');
    let Some(api) = apis.iter().find(|api| api.base_path == wanted) else {
        let mend = match nearest(wanted, apis.iter().map(|api| &*api.base_path)) {
            Some(near) => format!("did you mean {near}?"),
            None => "list what is published with: limen api list".to_owned(),
        };
        return Err(Trouble::refused(format!("nothing is published at '{base_path}'"), mend));
    };
    let answer = context.admin.delete(&format!("/v1/apis/{}", segment(&api.name)))?;
    context
        .show(answer, |_: serde_json::Value| format!("API '{}' is no longer published at {}.", api.name, api.base_path))
}

#[cfg(test)]
mod tests {
    use limen_portal::wire::MadeSubscription;

    use super::*;

    fn published(state: SubscriptionState) -> Published {
        Published {
            api: "orders".into(),
            product: "orders-product".into(),
            subscription: MadeSubscription {
                id: "sub_1".into(),
                state,
                primary_key: "limen_sub_one".into(),
                secondary_key: "limen_sub_two".into(),
            },
            key_header: "Limen-Subscription-Key".into(),
            url: "http://127.0.0.1:8080/orders".into(),
        }
    }

    #[test]
    fn one_curl_and_the_way_back() {
        let expected = "\
Published API 'orders' at http://127.0.0.1:8080/orders with product 'orders-product' and subscription sub_1.

Try it:

  curl -i -H 'Limen-Subscription-Key: limen_sub_one' http://127.0.0.1:8080/orders/

The keys are shown this once:
  primary    limen_sub_one
  secondary  limen_sub_two

Undo it (product and subscription stay):

  limen unpublish --base-path /orders --data-dir /srv/d
";
        assert_eq!(words(&published(SubscriptionState::Active), "/orders", " --data-dir /srv/d"), expected);
        let requested = words(&published(SubscriptionState::Requested), "/orders", "");
        assert!(requested.contains("\n  limen subscription approve sub_1\n  curl -i "), "{requested}");
    }
}
