-- Verdicts: every revision once in the history, and one current row per fact,
-- which never moves back in (opened_ns, revision).

-- +goose Up
CREATE TABLE helios_verdict_history (
    id          text        NOT NULL COLLATE "C", -- 32 hexadecimal digits: hash of tenant, type and key
    opened_ns   bigint      NOT NULL, -- opened_at, Unix nanoseconds
    revision    integer     NOT NULL,
    tenant      text        NOT NULL COLLATE "C",
    type        text        NOT NULL COLLATE "C",
    key         text        NOT NULL,
    status      text        NOT NULL COLLATE "C",
    closed_by   text        NOT NULL,
    expectation text        NOT NULL,
    missing     text[]      NOT NULL,
    stalled     text[]      NOT NULL,
    opened_at   timestamptz NOT NULL, -- opened_ns cut to microseconds
    deadline    timestamptz,
    deadline_ns bigint,
    decided_at  timestamptz NOT NULL,
    decided_ns  bigint      NOT NULL,
    stored_at   timestamptz NOT NULL DEFAULT now(),
    verdict     text        NOT NULL, -- the verdict as it came, byte for byte
    PRIMARY KEY (id, opened_ns, revision)
);
CREATE INDEX helios_verdict_history_decided_at ON helios_verdict_history (decided_at);

CREATE TABLE helios_verdicts (LIKE helios_verdict_history INCLUDING DEFAULTS, PRIMARY KEY (id));
CREATE INDEX helios_verdicts_key ON helios_verdicts USING hash (key);
CREATE INDEX helios_verdicts_decided_at ON helios_verdicts (decided_at);
CREATE INDEX helios_verdicts_status ON helios_verdicts (status, opened_at);
CREATE INDEX helios_verdicts_type ON helios_verdicts (tenant, type, opened_at);

-- +goose StatementBegin
CREATE FUNCTION helios_json(document text) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN document::jsonb;
EXCEPTION WHEN OTHERS THEN
    -- jsonb knows neither U+0000 nor halves of surrogate pairs.
    BEGIN
        RETURN regexp_replace(document,
            '(?<!\\)((?:\\\\)*)\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '\1\\ufffd', 'g')::jsonb;
    EXCEPTION WHEN OTHERS THEN
        RETURN NULL;
    END;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION helios_json(text) IS
    'A document as jsonb for queries. Never fails: U+0000 and lone surrogates become U+FFFD; what jsonb cannot hold at all is null.';

-- +goose Down
DROP FUNCTION helios_json(text);
DROP TABLE helios_verdicts;
DROP TABLE helios_verdict_history;
