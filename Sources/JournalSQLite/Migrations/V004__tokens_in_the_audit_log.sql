-- The id of the token that was used; NULL for what was done on the command line.

ALTER TABLE audit ADD COLUMN token TEXT;
