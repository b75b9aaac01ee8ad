//! The crate oauth2. It insists on TLS for revocation and introspection, so Limen stands behind a proxy that ends it.

use std::net::TcpListener;

use limen_testbed::browser::parameter;
use limen_testbed::{Http, eventually};
use oauth2::basic::BasicClient;
use oauth2::{
    AccessToken, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    IntrospectionUrl, PkceCodeChallenge, RedirectUrl, RefreshToken, RevocationUrl, StandardRevocableToken,
    TokenIntrospectionResponse as _, TokenResponse as _, TokenUrl,
};

use super::World;

const SITE: &str = "https://sign-in.example";

/// Hands a request to Limen as a proxy does that ended TLS.
fn hand_on(pages: &Http, request: &HttpRequest) -> Result<HttpResponse, std::io::Error> {
    let target = request.uri().path_and_query().expect("a target").as_str();
    let headers: Vec<(&str, &str)> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().expect("text"))).collect();
    let answer = pages.call(request.method().as_str(), target, &headers, Some(request.body()));
    let mut response = http::Response::builder().status(answer.status);
    for name in ["content-type", "www-authenticate"] {
        if let Some(value) = answer.header(name) {
            response = response.header(name, value);
        }
    }
    Ok(response.body(answer.body.clone()).expect("an answer"))
}

fn call(world: &World, token: &AccessToken) -> u16 {
    let authorization = format!("Bearer {}", token.secret());
    let headers = [("Limen-Subscription-Key", world.key.as_str()), ("Authorization", authorization.as_str())];
    world.limen.http().get("/things/items", &headers).status
}

#[test]
fn the_crate_oauth2() {
    // A public URL doesn't tell the port, so one is chosen that was free a moment ago.
    let place = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let world = World::started(|settings, config| {
        settings.web(&place).config(&format!("web: {{public_url: \"{SITE}\"}}\n{config}"))
    });
    let pages = world.limen.pages();
    let transport = |request: HttpRequest| hand_on(&pages, &request);
    let application = BasicClient::new(ClientId::new("shop".into()))
        .set_client_secret(ClientSecret::new(world.secret.clone()))
        .set_auth_uri(AuthUrl::new(format!("{SITE}/authorization")).unwrap())
        .set_token_uri(TokenUrl::new(format!("{SITE}/token")).unwrap())
        .set_redirect_uri(RedirectUrl::new("https://shop.example/back".into()).unwrap())
        .set_revocation_url(RevocationUrl::new(format!("{SITE}/revoke")).unwrap())
        .set_introspection_url(IntrospectionUrl::new(format!("{SITE}/introspect")).unwrap());
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let (address, state) = application.authorize_url(CsrfToken::new_random).set_pkce_challenge(challenge).url();
    let back = world.sent_to(address.as_str());
    assert_eq!(parameter(&back, "state").as_ref(), Some(state.secret()));
    assert_eq!(parameter(&back, "iss").as_deref(), Some(SITE));

    let code = AuthorizationCode::new(parameter(&back, "code").unwrap());
    let first = application.exchange_code(code).set_pkce_verifier(verifier).request(&transport).unwrap();
    assert_eq!(call(&world, first.access_token()), 200);
    let second = application.exchange_refresh_token(first.refresh_token().unwrap()).request(&transport).unwrap();
    assert_eq!(call(&world, second.access_token()), 200);
    let told = application.introspect(second.access_token()).request(&transport).unwrap();
    assert!(told.active());

    let ended = RefreshToken::new(second.refresh_token().unwrap().secret().clone());
    let revocable = StandardRevocableToken::RefreshToken(ended.clone());
    application.revoke_token(revocable).unwrap().request(&transport).unwrap();
    eventually("the token is refused", || (call(&world, second.access_token()) == 401).then_some(()));
    let refused = application.exchange_refresh_token(&ended).request(&transport).unwrap_err();
    assert!(format!("{refused:?}").contains("invalid_grant"), "{refused:?}");
}
