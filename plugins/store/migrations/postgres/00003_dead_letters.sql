-- Dead letters: what could not be judged, converted or validated, and why.

-- +goose Up
CREATE TABLE helios_dead_letters (
    identity    uuid        NOT NULL PRIMARY KEY, -- hash of the payload and all that came with it
    recorded_at timestamptz NOT NULL, -- when it was refused, as far as known
    recorded_ns bigint      NOT NULL,
    reason      text        NOT NULL,
    stage       text        NOT NULL,
    detail      text        NOT NULL,
    origin      text        NOT NULL,
    attempt     text        NOT NULL,
    tenant      text        NOT NULL,
    cloud       text        NOT NULL,
    type        text        NOT NULL,
    key         text        NOT NULL,
    stored_at   timestamptz NOT NULL DEFAULT now(),
    payload     bytea       NOT NULL -- as it came, whatever it is
);
CREATE INDEX helios_dead_letters_recorded_at ON helios_dead_letters (recorded_at);
CREATE INDEX helios_dead_letters_reason ON helios_dead_letters (reason, recorded_at);
CREATE INDEX helios_dead_letters_key ON helios_dead_letters USING hash (key);

-- +goose Down
DROP TABLE helios_dead_letters;
