-- The registered contracts, each version once, and what changed from the version
-- before.

-- +goose Up
CREATE TABLE helios_contracts (
    subject         TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    id              INTEGER NOT NULL, -- in the registry; 0 for a folder
    language        TEXT    NOT NULL, -- JSON, AVRO or PROTOBUF
    text            TEXT    NOT NULL,
    first_seen_at   TEXT    NOT NULL, -- by Helios; a registry doesn't say when it was registered
    first_seen_ns   INTEGER NOT NULL,
    changes         TEXT    NOT NULL, -- JSON array: differences to the version before
    breaks_backward BOOLEAN NOT NULL, -- consumers of this version can't read what the version before wrote
    breaks_forward  BOOLEAN NOT NULL, -- consumers of the version before can't read what this one writes
    upgrade         TEXT    NOT NULL, -- mapping from the version before, Bloblang
    problem         TEXT    NOT NULL, -- why it can't be used or compared
    stored_at       TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (subject, version)
);

-- +goose Down
DROP TABLE helios_contracts;
