-- Releases that are older than what the journal keeps, as in Sources/JournalSQLite/Migrations/V010__retention.sql.

CREATE TABLE deleted_releases (
    app TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    ended_at BIGINT NOT NULL,
    deleted_at BIGINT NOT NULL,
    PRIMARY KEY (app, number)
);

-- Events go with their whole release only, which is written above first. The trigger's argument is the sentence.
CREATE FUNCTION refuse_to_remove_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM deleted_releases WHERE app = old.app AND number = old.number) THEN
        RETURN old;
    END IF;
    RAISE EXCEPTION USING MESSAGE = tg_argv[0], ERRCODE = 'restrict_violation';
END
$$;
DROP TRIGGER events_are_never_removed ON events;
CREATE TRIGGER events_are_never_removed BEFORE DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_to_remove_events('events are never removed');
