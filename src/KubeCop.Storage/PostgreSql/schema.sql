-- What KubeCop needs in its database. kubecop runs this itself where the marker at the end is missing; to run it as somebody else: psql -f schema.sql
--
-- Orleans' provider for relational databases (Microsoft.Orleans.Persistence.AdoNet, MIT licence) looks for its statements in the table
-- OrleansQuery and passes and reads values by the names below. Statements that are there already, as those of Orleans' own scripts, stay in force.

CREATE TABLE IF NOT EXISTS OrleansQuery
(
    QueryKey varchar(64) NOT NULL,
    QueryText varchar(8000) NOT NULL,
    CONSTRAINT OrleansQuery_Key PRIMARY KEY (QueryKey)
);

-- Where versions come from: one for all records, so that a record which was deleted and made anew never has an old one again.
CREATE SEQUENCE IF NOT EXISTS KubeCopStateVersion AS integer CYCLE;

CREATE TABLE IF NOT EXISTS KubeCopState
(
    -- A hash of the five that follow: keys of grains may be longer than an index entry.
    Id bytea PRIMARY KEY,
    ServiceId text NOT NULL,
    StateName text NOT NULL,
    GrainIdN0 bigint NOT NULL,
    GrainIdN1 bigint NOT NULL,
    GrainKey text,
    Payload bytea NOT NULL,
    Version integer NOT NULL,
    ModifiedOn timestamptz NOT NULL
);

CREATE OR REPLACE FUNCTION KubeCopStateId(service text, state text, n0 bigint, n1 bigint, grain text)
    RETURNS bytea LANGUAGE sql STABLE
    AS $$ SELECT sha256(convert_to(json_build_array(service, state, n0, n1, grain)::text, 'UTF8')) $$;

INSERT INTO OrleansQuery (QueryKey, QueryText) VALUES
('ReadFromStorageKey', $q$
    SELECT Payload AS PayloadBinary, Version
    FROM KubeCopState
    WHERE Id = KubeCopStateId(@ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, @GrainIdExtensionString)
$q$),
-- What answers with the version it was given has changed nothing.
('WriteToStorageKey', $q$
    WITH changed AS
    (
        UPDATE KubeCopState
        SET Payload = @PayloadBinary, Version = nextval('KubeCopStateVersion'), ModifiedOn = now()
        WHERE Id = KubeCopStateId(@ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, @GrainIdExtensionString)
            AND Version = CAST(@GrainStateVersion AS integer)
        RETURNING Version
    ),
    made AS
    (
        INSERT INTO KubeCopState (Id, ServiceId, StateName, GrainIdN0, GrainIdN1, GrainKey, Payload, Version, ModifiedOn)
        SELECT KubeCopStateId(@ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, @GrainIdExtensionString),
            @ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, @GrainIdExtensionString, @PayloadBinary, nextval('KubeCopStateVersion'), now()
        WHERE CAST(@GrainStateVersion AS integer) IS NULL
        ON CONFLICT (Id) DO NOTHING
        RETURNING Version
    )
    SELECT COALESCE((SELECT Version FROM changed), (SELECT Version FROM made), CAST(@GrainStateVersion AS integer)) AS NewGrainStateVersion
$q$),
('ClearStorageKey', $q$
    WITH gone AS
    (
        DELETE FROM KubeCopState
        WHERE Id = KubeCopStateId(@ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, @GrainIdExtensionString)
            AND Version = CAST(@GrainStateVersion AS integer)
        RETURNING Version
    )
    SELECT CASE WHEN EXISTS (SELECT 1 FROM gone) THEN CAST(nextval('KubeCopStateVersion') AS integer) ELSE CAST(@GrainStateVersion AS integer) END AS NewGrainStateVersion
$q$),
('DeleteStorageKey', $q$
    WITH gone AS
    (
        DELETE FROM KubeCopState
        WHERE Id = KubeCopStateId(@ServiceId, @GrainTypeString, @GrainIdN0, @GrainIdN1, @GrainIdExtensionString)
            AND Version = CAST(@GrainStateVersion AS integer)
        RETURNING Version
    )
    SELECT CASE WHEN EXISTS (SELECT 1 FROM gone) THEN CAST(nextval('KubeCopStateVersion') AS integer) ELSE CAST(@GrainStateVersion AS integer) END AS NewGrainStateVersion
$q$),
('KubeCopStateSchema', '1')
ON CONFLICT (QueryKey) DO NOTHING;
