-- The registered contracts, each version once, and what changed from the version
-- before.

-- +goose Up
CREATE TABLE helios_contracts (
    subject         text        NOT NULL COLLATE "C",
    version         integer     NOT NULL,
    id              integer     NOT NULL, -- in the registry; 0 for a folder
    language        text        NOT NULL, -- JSON, AVRO or PROTOBUF
    text            text        NOT NULL,
    first_seen_at   timestamptz NOT NULL, -- by Helios; a registry doesn't say when it was registered
    first_seen_ns   bigint      NOT NULL,
    changes         text        NOT NULL, -- JSON array: differences to the version before
    breaks_backward boolean     NOT NULL, -- consumers of this version can't read what the version before wrote
    breaks_forward  boolean     NOT NULL, -- consumers of the version before can't read what this one writes
    upgrade         text        NOT NULL, -- mapping from the version before, Bloblang
    problem         text        NOT NULL, -- why it can't be used or compared
    stored_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject, version)
);

-- +goose Down
DROP TABLE helios_contracts;
