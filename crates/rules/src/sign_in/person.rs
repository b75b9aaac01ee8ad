//! What applications are told of a user's name.

use crate::model::User;

/// A user's given and family name. Where they aren't told apart, the title is split: at a comma (`Kahlo, Frida`), else
/// before its last word; a single word is the family name. A user without a title goes by their name.
#[must_use]
pub fn given_and_family(user: &User) -> (String, String) {
    if !(user.given_name.is_empty() && user.family_name.is_empty()) {
        return (user.given_name.clone(), user.family_name.clone());
    }
    let title = if user.title.trim().is_empty() { &*user.name } else { user.title.trim() };
    let (given, family) = match title.split_once(',') {
        Some((family, given)) => (given, family),
        None => title.rsplit_once(char::is_whitespace).unwrap_or(("", title)),
    };
    (given.trim().to_owned(), family.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_where_they_were_not_told_apart() {
        let cases = [
            ("frida", "Frida Kahlo", "", "", ("Frida", "Kahlo")),
            ("frida", "Magdalena Carmen Frida Kahlo", "", "", ("Magdalena Carmen Frida", "Kahlo")),
            ("frida", "Kahlo, Frida", "", "", ("Frida", "Kahlo")),
            ("frida", " Frida\u{a0}Kahlo ", "", "", ("Frida", "Kahlo")),
            ("frida", "Frida", "", "", ("", "Frida")),
            ("frida", "", "", "", ("", "frida")),
            ("frida", "Other Words", "Frida", "Kahlo", ("Frida", "Kahlo")),
            ("frida", "Other Words", "Frida", "", ("Frida", "")),
        ];
        for (name, title, given, family, expected) in cases {
            let user = User {
                name: name.into(),
                title: title.into(),
                given_name: given.into(),
                family_name: family.into(),
                ..User::default()
            };
            let (given, family) = given_and_family(&user);
            assert_eq!((&*given, &*family), expected, "{title}");
        }
    }
}
