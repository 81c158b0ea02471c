-- Dead letters: what could not be judged, converted or validated, and why.

-- +goose Up
CREATE TABLE helios_dead_letters (
    identity    BLOB    NOT NULL PRIMARY KEY, -- hash of the payload and all that came with it
    recorded_at TEXT    NOT NULL, -- when it was refused, as far as known
    recorded_ns INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    stage       TEXT    NOT NULL,
    detail      TEXT    NOT NULL,
    origin      TEXT    NOT NULL,
    attempt     TEXT    NOT NULL,
    tenant      TEXT    NOT NULL,
    cloud       TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    stored_at   TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    payload     BLOB    NOT NULL -- as it came, whatever it is
);
CREATE INDEX helios_dead_letters_recorded_at ON helios_dead_letters (recorded_at);
CREATE INDEX helios_dead_letters_reason ON helios_dead_letters (reason, recorded_at);
CREATE INDEX helios_dead_letters_key ON helios_dead_letters (key);

-- +goose Down
DROP TABLE helios_dead_letters;
