-- Times are microseconds since the Unix epoch. Of whatever opens something, only the SHA-256 is kept.

-- A grant is one sign-in. `expires_at_us` is when its last access token ends, `refresh_expires_at_us` when its last
-- refresh token does; `refresh_family` is the hash of what all its refresh tokens have in common. The row is kept until
-- `kept_until_us`.
ALTER TABLE issued_grant ADD COLUMN scope TEXT;
ALTER TABLE issued_grant ADD COLUMN refresh_expires_at_us BIGINT;
ALTER TABLE issued_grant ADD COLUMN refresh_family BLOB CHECK (length(refresh_family) = 32);
ALTER TABLE issued_grant ADD COLUMN kept_until_us BIGINT NOT NULL DEFAULT 0;
UPDATE issued_grant SET kept_until_us = expires_at_us + 2592000000000;
DROP INDEX issued_grant_expiry;
CREATE INDEX issued_grant_kept ON issued_grant (kept_until_us);
CREATE INDEX issued_grant_revoked ON issued_grant (expires_at_us) WHERE revoked_at_us IS NOT NULL;
DROP INDEX issued_grant_user;
CREATE INDEX issued_grant_user ON issued_grant (user_name, application, environment);
CREATE INDEX issued_grant_connection ON issued_grant (application, environment);
CREATE UNIQUE INDEX issued_grant_family ON issued_grant (refresh_family) WHERE refresh_family IS NOT NULL;

-- A code that was used stays as long as its grant does: whoever presents it again ends that grant.
CREATE TABLE authorization_code (
    hash BLOB PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
    application TEXT NOT NULL,
    user_name TEXT NOT NULL,
    environment TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    scope TEXT,
    code_challenge TEXT,
    issued_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    used_at_us BIGINT,
    grant_id TEXT REFERENCES issued_grant (id) ON DELETE CASCADE,
    CHECK ((used_at_us IS NULL) = (grant_id IS NULL))
);
CREATE INDEX authorization_code_unused ON authorization_code (expires_at_us) WHERE used_at_us IS NULL;
CREATE INDEX authorization_code_grant ON authorization_code (grant_id) WHERE grant_id IS NOT NULL;

-- Of each family the token that is good now, and the one before it for as long as it may be repeated: that one has a
-- successor and the answer to repeat, sealed. An older one is known by its family alone.
CREATE TABLE refresh_token (
    hash BLOB PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
    grant_id TEXT NOT NULL REFERENCES issued_grant (id) ON DELETE CASCADE,
    issued_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    preserved_uses BIGINT NOT NULL DEFAULT 0,
    successor BLOB CHECK (length(successor) = 32),
    replaced_at_us BIGINT,
    sealed_answer BLOB,
    CHECK ((successor IS NULL) = (replaced_at_us IS NULL) AND (successor IS NULL) = (sealed_answer IS NULL))
);
CREATE UNIQUE INDEX refresh_token_place ON refresh_token (grant_id, (successor IS NULL));
CREATE INDEX refresh_token_replaced ON refresh_token (replaced_at_us) WHERE replaced_at_us IS NOT NULL;

CREATE TABLE web_session (
    hash BLOB PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
    user_name TEXT NOT NULL,
    signed_in_at_us BIGINT NOT NULL,
    seen_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL
);
CREATE INDEX web_session_user ON web_session (user_name);
CREATE INDEX web_session_seen ON web_session (seen_at_us);

CREATE TABLE consent (
    user_name TEXT NOT NULL,
    application TEXT NOT NULL,
    environment TEXT NOT NULL,
    scope TEXT,
    given_at_us BIGINT NOT NULL,
    PRIMARY KEY (user_name, application, environment)
) WITHOUT ROWID;
CREATE INDEX consent_connection ON consent (application, environment);

CREATE TABLE application_secret (
    application TEXT NOT NULL,
    which TEXT NOT NULL CHECK (which IN ('primary', 'secondary')),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    made_at_us BIGINT NOT NULL,
    PRIMARY KEY (application, which)
) WITHOUT ROWID;

CREATE TABLE application_logo (
    application TEXT PRIMARY KEY NOT NULL,
    png BLOB NOT NULL,
    changed_at_us BIGINT NOT NULL
);

-- `phc` is the password's argon2 hash with its parameters.
CREATE TABLE user_password (
    user_name TEXT PRIMARY KEY NOT NULL,
    phc TEXT NOT NULL,
    set_at_us BIGINT NOT NULL
);
