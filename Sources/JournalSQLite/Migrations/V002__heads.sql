-- The newest event of each app, kept up to date by the database itself, so that a process that watches the journal does not read all
-- of it. `position` grows with every event of any app.

CREATE TABLE heads (
    app TEXT NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX heads_by_position ON heads (position);

-- From the events that a journal has already.
INSERT INTO heads
    SELECT app, number, max(sequence), row_number() OVER (ORDER BY app) FROM events AS e
    WHERE number = (SELECT max(number) FROM events WHERE app = e.app) GROUP BY app, number;

-- An event of an older release moves the position and leaves the newest release as it is.
CREATE TRIGGER events_move_heads AFTER INSERT ON events BEGIN
    INSERT INTO heads (app, number, sequence, position)
        VALUES (new.app, new.number, new.sequence, (SELECT coalesce(max(position), 0) + 1 FROM heads))
        ON CONFLICT (app) DO UPDATE SET
            position = excluded.position,
            sequence = CASE WHEN excluded.number > number THEN excluded.sequence
                WHEN excluded.number = number THEN max(sequence, excluded.sequence) ELSE sequence END,
            number = max(number, excluded.number);
END;
