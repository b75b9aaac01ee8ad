//! Names for what people didn't name.

/// A made-up name is cut here, so that `-product` and a number still fit behind it.
const MADE_NAME_MAX_BYTES: usize = 48;

/// An API's name from its base path or title: `/Orders/v1` as `orders-v1`.
#[must_use]
pub fn made_name(of: &str) -> String {
    let plain = |character: char| if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' };
    let mut name: String = of.chars().take(MADE_NAME_MAX_BYTES).map(plain).collect();
    while name.contains("--") {
        name = name.replace("--", "-");
    }
    let name = name.trim_matches('-');
    if name.is_empty() { "api".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_from_paths() {
        assert_eq!(made_name("/Orders/v1"), "orders-v1");
        assert_eq!(made_name("/--ä/"), "api");
        assert!(crate::model::valid_name(&made_name(&format!("/{}", "x/".repeat(200)))));
    }
}
