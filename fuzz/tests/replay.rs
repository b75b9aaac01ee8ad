//! Every kept input of every target, and changed ones for a moment, with the seed that replays them.

use limen_fuzz::{TARGETS, corpus, mutation};

/// A test for each target, so that one that breaks hides no other.
macro_rules! replayed {
    ($($target:ident)*) => {
        const REPLAYED: &[&str] = &[$(stringify!($target)),*];

        $(
            #[test]
            fn $target() {
                let name = stringify!($target);
                mutation::replay(name, &corpus::load(name), limen_fuzz::$target::check);
            }
        )*
    };
}

replayed! { balancers chunks credentials exchanges json media openapi parameters paths requests schemas services yaml }

#[test]
fn every_target_is_replayed_and_built_by_cargo_fuzz() {
    let names: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, REPLAYED);
    let manifest = include_str!("../Cargo.toml");
    for name in names {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"\n")), "{name} is missing in Cargo.toml");
    }
}

#[test]
fn every_byte_is_written_and_read() {
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(corpus::unescape(&bytes.escape_ascii().to_string()), Some(bytes));
    for broken in ["\\", "\\x4", "\\q"] {
        assert_eq!(corpus::unescape(broken), None, "{broken}");
    }
}
