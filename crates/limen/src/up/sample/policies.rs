//! The sample's record-level permission: which constituents its restricted user may not see, and the policy that says
//! so. The service's own filter of lists stays: what a list leaves out, no policy can know.

use limen_rules::model::{Api, Policies, User, ValueKind};
use serde_json::json;

/// The attribute of users that the policy reads.
const ATTRIBUTE: &str = "hidden_constituents";

const TEXT: &str = r#"@id("hidden-constituents")
@message("This constituent is hidden from you. Ask the environment's administrator if you need to see them.")
forbid (principal, action, resource)
when { context has constituent_id && principal.hidden_constituents.contains(context.constituent_id) };
"#;

/// The API with its policy.
pub(super) fn guarded(api: Api) -> Api {
    let attributes = [(ATTRIBUTE.to_owned(), ValueKind::Integers)].into();
    Api { policies: Some(Policies { text: TEXT.to_owned(), attributes, ..Policies::default() }), ..api }
}

/// A user who may not see some constituents.
pub(super) fn restricted(user: User) -> User {
    User { attributes: [(ATTRIBUTE.to_owned(), json!(limen_sample::HIDDEN_CONSTITUENTS))].into(), ..user }
}

#[cfg(test)]
mod tests {
    use limen_rules::declared::{check_references, check_values, warnings};
    use limen_rules::model::ValueKind;

    #[test]
    fn the_policy_guards_every_operation_on_a_constituent() {
        let declared = super::super::declared().expect("the sample");
        assert_eq!(
            (check_values(&declared), check_references(&declared), warnings(&declared, &declared)),
            (vec![], vec![], vec![])
        );
        let checked = limen_rules::policy::check(&declared.apis[0]).expect("a policy");
        for (operation, policies) in declared.apis[0].operations.iter().zip(&checked.operations) {
            let reads_id = policies
                .iter()
                .flat_map(|one| one.parameter_names())
                .any(|(name, kind, _)| name == "constituent_id" && kind == ValueKind::Integer);
            assert_eq!(reads_id, operation.path.contains("{constituent_id}"), "{}", operation.name);
        }
    }
}
