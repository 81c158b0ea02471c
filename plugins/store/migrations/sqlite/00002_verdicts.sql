-- Verdicts: every revision once in the history, and one current row per fact,
-- which never moves back in (opened_ns, revision). missing and stalled are JSON
-- arrays.

-- +goose Up
CREATE TABLE helios_verdict_history (
    id          TEXT    NOT NULL, -- 32 hexadecimal digits: hash of tenant, type and key
    opened_ns   INTEGER NOT NULL, -- opened_at, Unix nanoseconds
    revision    INTEGER NOT NULL,
    tenant      TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    closed_by   TEXT    NOT NULL,
    expectation TEXT    NOT NULL,
    missing     TEXT    NOT NULL,
    stalled     TEXT    NOT NULL,
    opened_at   TEXT    NOT NULL,
    deadline    TEXT,
    deadline_ns INTEGER,
    decided_at  TEXT    NOT NULL,
    decided_ns  INTEGER NOT NULL,
    stored_at   TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    verdict     TEXT    NOT NULL, -- the verdict as it came, byte for byte
    PRIMARY KEY (id, opened_ns, revision)
);
CREATE INDEX helios_verdict_history_decided_at ON helios_verdict_history (decided_at);

CREATE TABLE helios_verdicts (
    id          TEXT    NOT NULL PRIMARY KEY,
    opened_ns   INTEGER NOT NULL,
    revision    INTEGER NOT NULL,
    tenant      TEXT    NOT NULL,
    type        TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    closed_by   TEXT    NOT NULL,
    expectation TEXT    NOT NULL,
    missing     TEXT    NOT NULL,
    stalled     TEXT    NOT NULL,
    opened_at   TEXT    NOT NULL,
    deadline    TEXT,
    deadline_ns INTEGER,
    decided_at  TEXT    NOT NULL,
    decided_ns  INTEGER NOT NULL,
    stored_at   TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    verdict     TEXT    NOT NULL
);
CREATE INDEX helios_verdicts_key ON helios_verdicts (key);
CREATE INDEX helios_verdicts_decided_at ON helios_verdicts (decided_at);
CREATE INDEX helios_verdicts_status ON helios_verdicts (status, opened_at);
CREATE INDEX helios_verdicts_type ON helios_verdicts (tenant, type, opened_at);

-- +goose Down
DROP TABLE helios_verdicts;
DROP TABLE helios_verdict_history;
