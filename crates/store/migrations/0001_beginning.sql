-- Times are microseconds since the Unix epoch.

-- What was declared, one JSON document each; `position` keeps the order in which they came.
CREATE TABLE resource (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    changed_at_us BIGINT NOT NULL,
    UNIQUE (kind, name)
);

CREATE TABLE subscription (
    id TEXT PRIMARY KEY NOT NULL,
    product TEXT NOT NULL,
    developer TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('requested', 'active', 'suspended', 'cancelled', 'rejected', 'expired')),
    created_at_us BIGINT NOT NULL,
    started_at_us BIGINT NOT NULL,
    ends_at_us BIGINT
);
CREATE INDEX subscription_developer ON subscription (developer);

-- A current key has no `valid_until_us`, an old value has one; at most one of each for either key.
CREATE TABLE subscription_key (
    hash BLOB PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
    subscription TEXT NOT NULL REFERENCES subscription (id) ON DELETE CASCADE,
    which TEXT NOT NULL CHECK (which IN ('primary', 'secondary')),
    made_at_us BIGINT NOT NULL,
    valid_until_us BIGINT
);
CREATE UNIQUE INDEX subscription_key_place ON subscription_key (subscription, which, (valid_until_us IS NULL));

-- `over_at_us` repeats what the document says, so that notices that are long over can be left out.
CREATE TABLE notice (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    document TEXT NOT NULL,
    over_at_us BIGINT
);

CREATE TABLE issued_grant (
    id TEXT PRIMARY KEY NOT NULL,
    user_name TEXT NOT NULL,
    application TEXT,
    environment TEXT NOT NULL,
    issued_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL,
    revoked_at_us BIGINT
);
CREATE INDEX issued_grant_user ON issued_grant (user_name);
CREATE INDEX issued_grant_expiry ON issued_grant (expires_at_us);

CREATE TABLE signing_key (
    kid TEXT PRIMARY KEY NOT NULL,
    public_point BLOB NOT NULL,
    private_sealed BLOB NOT NULL,
    created_at_us BIGINT NOT NULL,
    signs_from_us BIGINT NOT NULL,
    trusted_until_us BIGINT
);

CREATE TABLE setting (
    name TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

-- Raised by every write that a snapshot would see; `change` says by what.
CREATE TABLE revision (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    value BIGINT NOT NULL
);
INSERT INTO revision (only_row, value) VALUES (1, 0);

CREATE TABLE change (
    revision BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (revision, kind, id)
) WITHOUT ROWID;

-- The books of quotas: a row for each account, meter and period. The limit isn't among them, it may change.
CREATE TABLE quota_row (
    account BLOB NOT NULL CHECK (length(account) = 16),
    meter BIGINT NOT NULL,
    period_begin_us BIGINT NOT NULL,
    period_end_us BIGINT NOT NULL,
    debited BIGINT NOT NULL CHECK (debited >= 0),
    handed_over BIGINT NOT NULL CHECK (handed_over >= 0),
    given_back BIGINT NOT NULL CHECK (given_back >= 0),
    lost BIGINT NOT NULL CHECK (lost >= 0),
    returned BIGINT NOT NULL CHECK (returned >= 0),
    PRIMARY KEY (account, meter, period_begin_us)
) WITHOUT ROWID;
