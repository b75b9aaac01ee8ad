//! The one table of what goes wrong at the sign-in endpoints: page, message, cause and cure of each.
//!
//! Answers, pages, `docs/common-auth-issues.md` and the tests are made from it. Messages that existing callers parse
//! stay to the letter; in them `{}` stands for what was sent, cut at [`super::SHOWN_CHARACTERS_MAX`] characters.

/// Where a trouble is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// On a page of ours: nothing that was sent can be trusted with a redirect.
    Page,
    /// To the application, by a redirect after its user signed in (RFC 6749 §4.1.2.1).
    Redirect,
    /// In the answer of the token, revocation or introspection endpoint (RFC 6749 §5.2).
    Answer,
}

/// What is known of a trouble.
#[derive(Debug)]
pub struct Entry {
    /// Its stable name: the anchor of its paragraph.
    pub code: &'static str,
    /// Where it is told.
    pub told: Told,
    /// The status of the page or answer; 303 for a redirect.
    pub status: u16,
    /// `error`; of a page, what it would be.
    pub error: &'static str,
    /// `error_description`, or the page's heading.
    pub message: &'static str,
    /// Why it happens.
    pub why: &'static str,
    /// The fix.
    pub mend: &'static str,
}

macro_rules! troubles {
    ($($name:ident: $doc:literal, $told:ident $status:literal $error:literal $code:literal
        $message:literal why $why:literal mend $mend:literal;)*) => {
        /// What can go wrong at the sign-in endpoints.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Trouble {
            $(#[doc = $doc] $name,)*
        }

        impl Trouble {
            /// Every one, in the order in which people meet them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What is known of it.
            #[must_use]
            pub fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$name => &Entry {
                        code: $code, told: Told::$told, status: $status, error: $error,
                        message: $message, why: $why, mend: $mend,
                    },)*
                }
            }
        }
    };
}

troubles! {
    ClientIdMissing: "`/authorization` without `client_id`.",
        Page 400 "invalid_request" "client-id-missing"
        "The required client_id parameter was not provided."
        why "The address that the browser was sent to has no client_id."
        mend "Add client_id=YOUR-APPLICATION-ID to the authorization address.";
    ClientIdInvalid: "`/authorization` with an id that no application in use has.",
        Page 400 "invalid_request" "client-id-invalid"
        "Invalid client_id: '{}'."
        why "No application has this id, or it was switched off."
        mend "Copy the application's id anew; it is not the subscription key and not the application's title.";
    RedirectUriMissing: "`/authorization` without `redirect_uri`.",
        Page 400 "invalid_request" "redirect-uri-missing"
        "The required redirect_uri parameter was not provided."
        why "The address that the browser was sent to has no redirect_uri, so nobody could be told the outcome."
        mend "Add redirect_uri with one of the application's redirect URIs, percent-encoded.";
    RedirectUriMalformed: "`redirect_uri` isn't an absolute URI without a fragment.",
        Page 400 "invalid_request" "redirect-uri-malformed"
        "Invalid or malformed redirect_uri: '{}'"
        why "It is not a whole address: its scheme is missing, it has a fragment (#), or it was encoded twice or not at all."
        mend "Send the whole address, from the scheme on, percent-encoded once.";
    RedirectUriMismatch: "`redirect_uri` isn't one of the application's.",
        Page 400 "invalid_request" "redirect-uri-mismatch"
        "Invalid redirect_uri: '{}'. It must exactly match one of the redirect URIs you've pre-configured for your applications (including the path)."
        why "It is compared character by character: http is not https, a slash at the end counts, and so do case and port. Only on loopback addresses (127.0.0.1, [::1]) may the port differ."
        mend "Register this very address with the application (limen application change ID --add-redirect-uri URI), or send the one that is registered.";
    PageParameterRepeated: "A parameter of `/authorization` came twice, before the redirect URI could be trusted.",
        Page 400 "invalid_request" "parameter-repeated"
        "The parameter '{}' was provided more than once."
        why "Two values of one parameter could be read in two ways, so neither is."
        mend "Send each parameter once; often two pieces of code both add it.";
    SignInFailed: "User and password don't fit.",
        Page 401 "access_denied" "sign-in-failed"
        "The user name or the password is not right."
        why "There is no such user, the password is another, or the user was switched off: which of these is not told."
        mend "Try again; if the password is lost, the environment's administrator can have it set anew.";
    TooManyAttempts: "Too many failed attempts to sign in.",
        Page 429 "access_denied" "too-many-attempts"
        "Too many attempts to sign in. Wait a little and try again."
        why "So many attempts failed for this user from here, or from this address, that further ones wait."
        mend "Wait as long as the page says. A browser that signed in before is let through sooner.";
    PasswordsOff: "A password where everybody signs in through the provider.",
        Page 403 "access_denied" "passwords-off"
        "Passwords are not used here."
        why "Everybody signs in through the provider whose button the sign-in page shows (sign_in.provider.only)."
        mend "Use the button on the sign-in page.";
    ProviderRefused: "The provider came back without a yes, or not as the one that was asked.",
        Page 403 "access_denied" "provider-refused"
        "The sign-in provider did not say who you are."
        why "Whoever was asked there said no or gave up, the provider lets this person use nothing here, or the answer was not that of the provider that was asked."
        mend "Begin again from the application; if it stays so, the provider's administrator must let you use Limen.";
    ProviderUnreachable: "The provider didn't answer.",
        Page 503 "temporarily_unavailable" "provider-unreachable"
        "The sign-in provider does not answer for the moment."
        why "It is down, too slow, or may not be reached from here (outbound.allow); the log says which."
        mend "Try again in a minute.";
    ProviderAnswerInvalid: "What the provider answered can't be believed.",
        Page 403 "access_denied" "provider-answer-invalid"
        "What the sign-in provider answered can't be accepted."
        why "The code was used or is over, our secret there is wrong, or the ID token is not for us, of another attempt, over, or signed by no key of the provider; the log says which."
        mend "Begin again from the application; if it stays so, compare sign_in.provider with what is registered at the provider, and the clocks.";
    ProviderUserUnknown: "The account at the provider belongs to no user.",
        Page 403 "access_denied" "provider-user-unknown"
        "Nobody is known here by the account that you signed in with."
        why "No user has this account's subject, nor its verified mail address where that counts; or the user was switched off."
        mend "Sign in at the provider with another account, or ask an environment's administrator to add this one.";
    FormExpired: "A form came without the mark that its page had.",
        Page 403 "access_denied" "form-expired"
        "This page is out of date. Begin again from the application."
        why "It was open for long, cookies are switched off, or the form was sent by another site."
        mend "Go back to the application and begin again, with cookies allowed.";
    NoEnvironment: "The user belongs to no environment.",
        Page 403 "access_denied" "no-environment"
        "You don't belong to any environment."
        why "The user was not given a role in any environment yet, or lost the last one."
        mend "Ask an environment's administrator to be added.";
    NotConnected: "No administrator connected the application to the environment.",
        Page 403 "access_denied" "not-connected"
        "The application isn't connected to the environment {}."
        why "An environment's administrator decides which applications may act there, and has not approved this one or took that back."
        mend "Ask the environment's administrator to connect the application; they are offered it on this very page.";
    ResponseTypeMissing: "No `response_type`.",
        Redirect 303 "invalid_request" "response-type-missing"
        "The required response_type parameter was not provided."
        why "The authorization address has no response_type."
        mend "Add response_type=code.";
    ResponseTypeUnsupported: "A `response_type` other than `code`.",
        Redirect 303 "unsupported_response_type" "response-type-unsupported"
        "The response_type '{}' is not supported."
        why "Only the authorization code is given out; the implicit flow (token) leaks tokens into addresses."
        mend "Use response_type=code, and exchange the code at /token.";
    RequestParameterRepeated: "A parameter came twice.",
        Redirect 303 "invalid_request" "request-parameter-repeated"
        "The parameter '{}' was provided more than once."
        why "Two values of one parameter could be read in two ways, so neither is."
        mend "Send each parameter once; often two pieces of code both add it.";
    ChallengeMissing: "A public application without `code_challenge`.",
        Redirect 303 "invalid_request" "code-challenge-missing"
        "The required code_challenge parameter was not provided: a public application must use PKCE."
        why "A public application has no secret, so only PKCE shows that whoever exchanges the code also asked for it."
        mend "Make a code_verifier, send code_challenge=BASE64URL(SHA256(code_verifier)) and code_challenge_method=S256.";
    ChallengeMalformed: "A `code_challenge` that can't be one of S256.",
        Redirect 303 "invalid_request" "code-challenge-malformed"
        "The code_challenge is not the base64url form of a SHA-256."
        why "It must have 43 characters of A-Z, a-z, 0-9, - and _, without padding."
        mend "Hash the code_verifier with SHA-256 and write the 32 bytes in base64url without '='.";
    ChallengeMethodUnsupported: "A `code_challenge_method` other than S256.",
        Redirect 303 "invalid_request" "code-challenge-method-unsupported"
        "The code_challenge_method '{}' is not supported; use S256."
        why "plain protects nothing once the authorization address is seen, and it is what is meant where the method is left out."
        mend "Send code_challenge_method=S256 with a challenge made so.";
    ScopeUnknown: "A scope that no role knows, or that the connection leaves out.",
        Redirect 303 "invalid_scope" "scope-unknown"
        "The scope '{}' is not known, or the application's connection does not reach so far."
        why "Scopes are the names of permissions, such as constituent.read. Without a scope the token has all that the user's roles and the connection allow."
        mend "Leave scope out, or name only permissions that the connection includes.";
    StateTooLong: "A `state` that is too long to be carried.",
        Redirect 303 "invalid_request" "state-too-long"
        "The state is longer than 4096 bytes."
        why "state comes back in an address, and browsers and servers cut long addresses."
        mend "Keep what is needed on your side, and send a short random state that it is found by.";
    ConsentRefused: "The user said no.",
        Redirect 303 "access_denied" "consent-refused"
        "The user did not allow the application to act for them."
        why "Whoever signed in pressed the button that refuses."
        mend "Tell the user what the application needs it for, and let them begin again.";
    SignInUnavailable: "We could not finish.",
        Redirect 303 "temporarily_unavailable" "sign-in-unavailable"
        "Sign-in is not available for the moment."
        why "What sign-in needs could not be read or written."
        mend "Try again in a minute.";
    NotAForm: "A body that isn't a form.",
        Answer 400 "invalid_request" "not-a-form"
        "The body must be a form: Content-Type application/x-www-form-urlencoded."
        why "JSON or no body was sent, or it is too large."
        mend "Send the parameters as a form in the body of a POST; not as JSON and not in the address.";
    FormParameterRepeated: "A form's parameter came twice.",
        Answer 400 "invalid_request" "form-parameter-repeated"
        "The parameter '{}' was provided more than once."
        why "Two values of one parameter could be read in two ways, so neither is."
        mend "Send each parameter once.";
    FormParameterInvalid: "A form's parameter whose value it can't have.",
        Answer 400 "invalid_request" "form-parameter-invalid"
        "The parameter '{}' has a value that it can't have."
        why "preserve_refresh_token takes true or false, in letters of any case."
        mend "Send one of the values that it takes, or leave it out.";
    FormNotPosted: "Another method than POST.",
        Answer 405 "invalid_request" "form-not-posted"
        "This address takes a form by POST only."
        why "It was opened in a browser or called with GET, or a redirect turned the POST into a GET."
        mend "Send the parameters as a form in the body of a POST, to this very address.";
    CredentialsMissing: "No credentials at all.",
        Answer 401 "invalid_client" "credentials-missing"
        "The required credentials were not supplied."
        why "A confidential application sent its id without a secret, or neither."
        mend "Send the id and a secret of the application, in the Authorization header (Basic) or as client_id and client_secret in the form.";
    FormClientIdMissing: "A secret without an id.",
        Answer 401 "invalid_client" "form-client-id-missing"
        "The required client_id parameter was not provided."
        why "A client_secret came without client_id, or the form of a public application has none."
        mend "Add client_id with the application's id.";
    FormClientIdInvalid: "An id that no application in use has.",
        Answer 401 "invalid_client" "form-client-id-invalid"
        "The value specified for the client_id parameter '{}' was not valid."
        why "No application has this id, or it was switched off."
        mend "Copy the application's id anew; it is not the subscription key.";
    CredentialsInvalid: "The secret isn't one of the application's.",
        Answer 401 "invalid_client" "credentials-invalid"
        "The specified credentials were not valid."
        why "The secret was regenerated, cut when it was copied, came with a space or a line break, or belongs to another application; or a public application sent one."
        mend "Copy one of the application's two secrets anew. A public application sends none.";
    CredentialsDisagree: "Two ways of authentication that contradict each other.",
        Answer 400 "invalid_request" "credentials-disagree"
        "The credentials in the Authorization header and those in the form disagree."
        why "Both ways were used, and they name different applications or secrets."
        mend "Send them in one place only.";
    GrantTypeMissing: "No `grant_type`.",
        Answer 400 "invalid_request" "grant-type-missing"
        "The required grant_type parameter was not provided."
        why "The form has no grant_type."
        mend "Add grant_type=authorization_code, refresh_token or client_credentials.";
    GrantTypeUnsupported: "A `grant_type` that isn't given out.",
        Answer 400 "unsupported_grant_type" "grant-type-unsupported"
        "The grant_type '{}' is not supported."
        why "There are authorization_code, refresh_token and client_credentials; passwords are typed on our page only."
        mend "Use one of the three.";
    ParameterMissing: "A parameter that this grant type needs.",
        Answer 400 "invalid_request" "form-parameter-missing"
        "The required {} parameter was not provided."
        why "The form lacks what the grant_type or the endpoint needs: code and redirect_uri, refresh_token, or token."
        mend "Add the parameter to the form.";
    CodeInvalid: "A code that is unknown, over, used, or another application's.",
        Answer 400 "invalid_grant" "code-invalid"
        "The authorization code is not valid: it is unknown, was used before, has expired, or belongs to another application."
        why "A code is good for five minutes and for one exchange. A second exchange, a page that was loaded again or two servers that both exchange it are the usual causes."
        mend "Begin again at /authorization, and exchange the code once, at once.";
    CodeRedirectUriMismatch: "Another `redirect_uri` than the code was asked for with.",
        Answer 400 "invalid_grant" "code-redirect-uri-mismatch"
        "The redirect_uri is not the one that the authorization code was given to."
        why "The redirect_uri at /token must be the same text as at /authorization."
        mend "Send the same redirect_uri in both requests.";
    VerifierInvalid: "`code_verifier` is missing, wrong, or came though none was announced.",
        Answer 400 "invalid_grant" "code-verifier-invalid"
        "The code_verifier does not fit the code_challenge of the authorization request."
        why "It is missing, belongs to another attempt (a second tab), or the authorization request had no code_challenge."
        mend "Keep the verifier with the attempt's state, and send both or neither.";
    RefreshTokenInvalid: "A refresh token that is unknown, over, revoked, or another application's.",
        Answer 400 "invalid_grant" "refresh-token-invalid"
        "The refresh token is not valid: it is unknown, has expired, was revoked, or belongs to another application."
        why "It expired, the user or an administrator took the access back, the password was set anew, or it was cut when it was stored."
        mend "Let the user sign in again at /authorization.";
    RefreshTokenReused: "A refresh token that was exchanged before.",
        Answer 400 "invalid_grant" "refresh-token-reused"
        "The refresh token was used before. All tokens of this sign-in were revoked."
        why "Each refresh gives a new refresh token and ends the old one. An old one that comes back may be stolen, so the whole family ends."
        mend "Store the new refresh token each time before anything else is done, let one process refresh, and let the user sign in again.";
    AccessEnded: "Who or what a code or refresh token stands for isn't there any more.",
        Answer 400 "invalid_grant" "access-ended"
        "The access was taken back: the user was switched off or left the environment, or the application is no longer connected to it."
        why "A code or a refresh token stands for a user in an environment, through an application that is connected there. One of these is gone."
        mend "Ask the environment's administrator; when user and connection are there again, let the user sign in again at /authorization.";
    GrantScopeInvalid: "A scope beyond what was granted.",
        Answer 400 "invalid_scope" "grant-scope-invalid"
        "The scope '{}' goes beyond what was granted."
        why "A refresh can narrow what a user allowed and never widen it; scopes are the names of permissions."
        mend "Leave scope out, or ask the user again at /authorization. An application that acts for itself has what its own roles and its connection allow; an administrator can change both.";
    OwnAccessRefused: "Client credentials where no administrator allows them.",
        Answer 400 "unauthorized_client" "own-access-refused"
        "The application may not act for itself in this environment."
        why "Client credentials work only where the environment's administrator gave the application roles of its own, and only for confidential applications."
        mend "Ask the environment's administrator to allow it, or let a user sign in.";
    EnvironmentUnclear: "Client credentials without an environment where there are several.",
        Answer 400 "invalid_request" "environment-unclear"
        "The environment_id '{}' is not one that the application is connected to; tell which is meant with environment_id."
        why "An application that may act for itself in several environments must say in which."
        mend "Add environment_id with the environment's name.";
    AttemptsExhausted: "Too many requests with wrong credentials.",
        Answer 429 "invalid_client" "attempts-exhausted"
        "Too many attempts with wrong credentials. Wait a little and try again."
        why "So many requests from this address failed to authenticate this application that further ones wait."
        mend "Mend the secret: a right one is let in at once. Wrong ones wait as long as Retry-After says.";
    TokensUnavailable: "The token endpoint can't read or write.",
        Answer 503 "temporarily_unavailable" "tokens-unavailable"
        "Tokens can't be given out for the moment."
        why "What tokens need could not be read or written, or too many requests came at once."
        mend "Try again as Retry-After says; nothing was used up.";
}

impl Trouble {
    /// The message as `error_description` may say it: in the characters of RFC 6749 §5.2, others replaced by `?`.
    #[must_use]
    pub fn description(self, sent: &str) -> String {
        let may_stand = |one: char| matches!(one, ' '..='~') && !matches!(one, '"' | '\\');
        let typographic = |one: char| if one == '\u{2026}' { "...".to_owned() } else { "?".to_owned() };
        let message = self.message(sent);
        message.chars().map(|one| if may_stand(one) { one.to_string() } else { typographic(one) }).collect()
    }

    /// The message with what was sent in it, cut and without control characters.
    #[must_use]
    pub fn message(self, sent: &str) -> String {
        let mut shown: String = sent
            .chars()
            .take(super::SHOWN_CHARACTERS_MAX)
            .map(|one| if one.is_control() { '\u{fffd}' } else { one })
            .collect();
        if sent.chars().nth(super::SHOWN_CHARACTERS_MAX).is_some() {
            shown.push('…');
        }
        self.entry().message.replace("{}", &shown)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_trouble_has_a_name_of_its_own_and_a_status_that_fits() {
        let mut codes = HashSet::new();
        for trouble in Trouble::ALL {
            let entry = trouble.entry();
            assert!(codes.insert(entry.code), "{}", entry.code);
            assert_eq!(entry.told == Told::Redirect, entry.status == 303, "{}", entry.code);
            assert!(entry.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", entry.code);
        }
    }

    #[test]
    fn what_was_sent_is_cut_and_cannot_steer_a_terminal() {
        let shown = Trouble::ClientIdInvalid.message(&"\u{1b}x".repeat(200));
        assert!(!shown.contains('\u{1b}') && shown.ends_with("…'."));
        assert_eq!(Trouble::ClientIdInvalid.message("a"), "Invalid client_id: 'a'.");
    }
}
