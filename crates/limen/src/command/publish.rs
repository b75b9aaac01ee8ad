//! `limen publish` and `limen unpublish`: from a service's address to one curl that works, and back.

use limen_portal::wire::{ApiLine, Publish, Published};
use limen_rules::declared::{made_name, nearest};
use limen_rules::openapi::{Imported, Wanted};
use limen_rules::record::SubscriptionState;

use super::example_call::{self, ExampleCall};
use super::show::{quoted, segment};
use super::{Context, Trouble, document, import, losses, read};
use crate::arguments;

pub(super) fn publish(context: &Context, asked: arguments::Publish) -> Result<String, Trouble> {
    import::check_flags(std::slice::from_ref(&asked.target), asked.base_path.as_deref())?;
    let imported = match &asked.document {
        Some(place) => Some(described(place, &asked)?),
        None => None,
    };
    let base_path = match (&asked.base_path, &imported) {
        (Some(told), _) => told.clone(),
        (None, Some(imported)) => imported.api.base_path.clone(),
        (None, None) => return Err(Trouble::wrong("it isn't told where to publish it", "tell it with --base-path")),
    };
    let publish = Publish {
        target: asked.target,
        base_path: base_path.clone(),
        api: asked.name.map(Into::into),
        product: asked.product.map(Into::into),
        developer: asked.developer.map(Into::into),
        described: imported.as_ref().map(|imported| Box::new(imported.api.clone())),
    };
    let answer = context.admin.post("/v1/publish", &publish)?;
    context.show(answer, |published: Published| {
        let flag = context.data_dir_flag();
        let call = imported.as_ref().map(|imported| example_call::of(&imported.api));
        let told = words(&published, &base_path, &flag, call.as_ref().map(Option::as_ref));
        let lost = imported.map(|imported| losses::words(&imported.losses)).unwrap_or_default();
        format!("{told}{lost}")
    })
}

/// The API that a document describes.
fn described(place: &str, asked: &arguments::Publish) -> Result<Imported, Trouble> {
    let document = document::read(place)?;
    let name = asked.name.clone().unwrap_or_else(|| match &asked.base_path {
        Some(path) => made_name(path),
        None => import::title_name(&document),
    });
    let (base_path, targets) = (asked.base_path.clone(), vec![asked.target.clone()]);
    document::import(place, &document, &Wanted { name: name.into(), base_path, targets, existing: None })
}

/// `call` is an operation of the document, where there is one: none in it, if nothing can be tried without harm.
fn words(published: &Published, base_path: &str, data_dir_flag: &str, call: Option<Option<&ExampleCall>>) -> String {
    let subscription = &published.subscription;
    let header = format!("{}: {}", published.key_header, subscription.primary_key);
    let try_it = if subscription.state == SubscriptionState::Requested {
        format!(
            "Product '{}' waits for approval. Approve, then try it:\n\n  limen subscription approve {}{data_dir_flag}\n",
            published.product, subscription.id
        )
    } else if matches!(call, Some(Some(ExampleCall { is_certain: false, .. }))) {
        "Try it; put in the address what your service knows:\n\n".to_owned()
    } else {
        "Try it:\n\n".to_owned()
    };
    let root = published.url.trim_end_matches('/');
    let curl = match call {
        None => format!("curl -i -H {} {}", quoted(&header), quoted(&format!("{root}/"))),
        Some(None) => format!("curl -i -H {} {}   (no GET is described; choose a path)", quoted(&header), quoted(root)),
        Some(Some(call)) => {
            let key = if call.access.needs_key() { format!(" -H {}", quoted(&header)) } else { String::new() };
            // The shell asks for the token, so that none stands in its history.
            let token = if call.access.needs_token() {
                format!(" -H \"Authorization: Bearer $(limen sign-in --token{data_dir_flag})\"")
            } else {
                String::new()
            };
            format!("curl -i{key}{token} {}", quoted(&format!("{root}{}", call.path)))
        }
    };
    format!(
        "Published API '{}' at {} with product '{}' and subscription {}.\n\n\
         {try_it}  {curl}\n\n\
         The keys are shown this once:\n  primary    {}\n  secondary  {}\n\n\
         Undo it (product and subscription stay):\n\n  limen unpublish --base-path {}{data_dir_flag}\n",
        published.api,
        published.url,
        published.product,
        subscription.id,
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
    use limen_rules::model::Access;

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
        assert_eq!(words(&published(SubscriptionState::Active), "/orders", " --data-dir /srv/d", None), expected);
        let requested = words(&published(SubscriptionState::Requested), "/orders", "", None);
        assert!(requested.contains("\n  limen subscription approve sub_1\n  curl -i "), "{requested}");
        let call = ExampleCall { path: "/pets?limit=1".into(), access: Access::KeyAndToken, is_certain: false };
        let described = words(&published(SubscriptionState::Active), "/orders", "", Some(Some(&call)));
        let curl = "curl -i -H 'Limen-Subscription-Key: limen_sub_one' \
            -H \"Authorization: Bearer $(limen sign-in --token)\" 'http://127.0.0.1:8080/orders/pets?limit=1'\n";
        assert!(described.contains(curl), "{described}");
    }
}
