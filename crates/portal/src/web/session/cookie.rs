//! Cookies: read and set so that neither another host nor a script has a say in them (RFC 6265bis §4.1.3).

use axum::http::{HeaderMap, HeaderValue, header};

use crate::ports::Portal;

/// How cookies are written at this web address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jar {
    /// Whether the address is https: browsers then hold a `__Host-` cookie to this very host.
    is_secure: bool,
}

impl Jar {
    pub(crate) fn of(portal: &Portal) -> Self {
        Self { is_secure: portal.addresses.web_url.starts_with("https://") }
    }

    /// The value of the one cookie of that name. Where there are two, somebody else set one, and neither is read.
    pub(crate) fn read(self, headers: &HeaderMap, name: &str) -> Option<String> {
        let name = self.name(name);
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(one, _)| *one == name).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value.to_owned()),
            _ => None,
        }
    }

    /// Sets a cookie, for `life_s` seconds or until the browser is closed. The value is of ASCII letters, digits and
    /// `-_.` alone.
    pub(crate) fn put(self, headers: &mut HeaderMap, name: &str, value: &str, life_s: Option<u32>) {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let life = life_s.map(|life_s| format!("; Max-Age={life_s}")).unwrap_or_default();
        let line = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{life}", self.name(name));
        if let Ok(line) = HeaderValue::from_str(&line) {
            headers.append(header::SET_COOKIE, line);
        }
    }

    fn name(self, name: &str) -> String {
        if self.is_secure { format!("__Host-{name}") } else { name.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cookie_that_is_alone_is_read() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; limen-session=x; b=2"));
        let (clear, secure) = (Jar { is_secure: false }, Jar { is_secure: true });
        assert_eq!(clear.read(&headers, "limen-session").as_deref(), Some("x"));
        assert_eq!(secure.read(&headers, "limen-session"), None);
        headers.append(header::COOKIE, HeaderValue::from_static("__Host-limen-session=y"));
        assert_eq!(secure.read(&headers, "limen-session").as_deref(), Some("y"));
        headers.append(header::COOKIE, HeaderValue::from_static("limen-session=z"));
        assert_eq!(clear.read(&headers, "limen-session"), None);
    }

    #[test]
    fn a_cookie_over_tls_is_held_to_its_host() {
        let mut headers = HeaderMap::new();
        Jar { is_secure: true }.put(&mut headers, "a", "v", Some(60));
        Jar { is_secure: false }.put(&mut headers, "a", "v", None);
        let lines: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(
            lines,
            ["__Host-a=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60", "a=v; Path=/; HttpOnly; SameSite=Lax"]
        );
    }
}
