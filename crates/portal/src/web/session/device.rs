//! Browsers that somebody signed in with before: they are counted apart when attempts fail, so that strangers who guess
//! can't lock an owner out.

use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use limen_rules::sign_in::mark;
use limen_store::StoreError;

use super::cookie::Jar;
use super::draw;
use crate::ports::Portal;

/// What the cookie is called. It opens nothing.
const DEVICE: &str = "limen-device";
/// It is kept for a year from the last signing in.
const LIFE_S: u32 = 31_536_000;
/// Where the store keeps the key of the marks.
const KEY_SETTING: &str = "device_key";

/// The browser's id, if `user` signed in with it before.
///
/// # Errors
/// Where the store can't be read.
pub(crate) async fn id(portal: &Portal, headers: &HeaderMap, user: &str) -> Result<Option<String>, StoreError> {
    let Some(value) = Jar::of(portal).read(headers, DEVICE) else { return Ok(None) };
    Ok(mark::device_of(&key(portal).await?, &value, user).map(str::to_owned))
}

/// Makes the browser known as one of `user`'s.
///
/// # Errors
/// Where the store can't be read or written.
pub(crate) async fn remember(portal: &Portal, response: &mut Response, user: &str) -> Result<(), StoreError> {
    let value = mark::of_device(&key(portal).await?, &draw(portal), user);
    Jar::of(portal).put(response.headers_mut(), DEVICE, &value, Some(LIFE_S));
    Ok(())
}

/// The key, drawn when it is first needed.
async fn key(portal: &Portal) -> Result<Vec<u8>, StoreError> {
    let kept = match portal.store.setting(KEY_SETTING).await? {
        Some(kept) => kept,
        None => portal.store.setting_or_insert(KEY_SETTING, &draw(portal)).await?,
    };
    Ok(URL_SAFE_NO_PAD.decode(&kept).unwrap_or_else(|_| kept.into_bytes()))
}
