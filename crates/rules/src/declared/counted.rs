//! Whether what a product is counted by is there when its calls come.

use std::collections::HashMap;

use super::Problems;
use crate::model::{Api, CountedBy, Declared};

/// A product can count connections only where some call to its APIs brings a token. One whose APIs aren't known is told
/// of elsewhere, and one without any counts nothing yet.
pub(super) fn check(declared: &Declared, problems: &mut Problems) {
    let apis: HashMap<&str, &Api> = declared.apis.iter().map(|api| (&*api.name, api)).collect();
    for (at, product) in declared.products.iter().enumerate() {
        let known: Option<Vec<&Api>> = product.apis.iter().map(|name| apis.get(&**name).copied()).collect();
        let tokenless = known.is_some_and(|known| !known.is_empty() && !known.into_iter().any(asks_for_key_and_token));
        if product.counted_by == CountedBy::Connection && tokenless {
            problems.add(
                format!("products[{at}].counted_by"),
                "none of its APIs asks for a key and a token, so no call shows the connection that it is counted by",
                "count by 'subscription', or give an API or operation of it access 'key+token'",
            );
        }
    }
}

fn asks_for_key_and_token(api: &Api) -> bool {
    let asks = |access: crate::model::Access| access.needs_key() && access.needs_token();
    if api.operations.is_empty() {
        asks(api.access)
    } else {
        api.operations.iter().any(|one| asks(one.access.unwrap_or(api.access)))
    }
}
