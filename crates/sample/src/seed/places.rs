//! Where a first run's constituents live, with telephone numbers from ranges that regulators keep for fiction.
//! It knows nothing of who lives there.

use super::pick;
use crate::constituent::Address;

struct Place {
    city: &'static str,
    state: Option<&'static str>,
    postal_code: &'static str,
    country: &'static str,
    /// What comes before the last two digits of a telephone number.
    phone_prefix: &'static str,
}

const fn place(
    city: &'static str,
    state: Option<&'static str>,
    postal_code: &'static str,
    country: &'static str,
    phone_prefix: &'static str,
) -> Place {
    Place { city, state, postal_code, country, phone_prefix }
}

const HOME: Place = place("Charleston", Some("SC"), "29401", "United States", "+1 843 555 01");

const PLACES: [Place; 11] = [
    HOME,
    place("Portland", Some("ME"), "04101", "United States", "+1 207 555 01"),
    place("Duluth", Some("MN"), "55802", "United States", "+1 218 555 01"),
    place("Tucson", Some("AZ"), "85701", "United States", "+1 520 555 01"),
    place("Albuquerque", Some("NM"), "87102", "United States", "+1 505 555 01"),
    place("Halifax", Some("NS"), "B3J 1S9", "Canada", "+1 902 555 01"),
    place("Montréal", Some("QC"), "H2Y 1C6", "Canada", "+1 514 555 01"),
    place("Leeds", None, "LS1 4AP", "United Kingdom", "+44 113 496 00"),
    place("Cardiff", None, "CF10 1EP", "United Kingdom", "+44 29 2018 00"),
    place("Galway", None, "H91 E9TC", "Ireland", "+353 20 913 00"),
    place("Adelaide", Some("SA"), "5000", "Australia", "+61 8 7010 00"),
];

const STREETS: [&str; 13] = [
    "Wharf Lane",
    "Church Street",
    "Orchard Road",
    "Mill Road",
    "Station Street",
    "Elm Avenue",
    "Quay Street",
    "Observatory Hill",
    "Market Row",
    "Canal Side",
    "Linden Walk",
    "Foundry Yard",
    "Meadow View",
];

fn place_of(index: usize) -> &'static Place {
    PLACES.get(index * 7 % PLACES.len()).unwrap_or(&HOME)
}

/// The address of the constituent `index`.
pub(super) fn address(index: usize) -> Address {
    let place = place_of(index);
    let mut lines = vec![format!("{} {}", 1 + index * 17 % 240, pick(&STREETS, index * 5))];
    if index.is_multiple_of(9) {
        lines.push(format!("Unit {}", 1 + index % 12));
    }
    Address {
        lines,
        city: Some(place.city.to_owned()),
        state: place.state.map(str::to_owned),
        postal_code: Some(place.postal_code.to_owned()),
        country: Some(place.country.to_owned()),
    }
}

/// The telephone number of the constituent `index`, of the place where they live.
pub(super) fn phone(index: usize) -> String {
    format!("{}{:02}", place_of(index).phone_prefix, index * 31 % 100)
}
