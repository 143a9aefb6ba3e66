-- Fails on every table that has rows: the column may not be null and has no default.
ALTER TABLE materials_material ADD COLUMN reviewer_id integer NOT NULL REFERENCES accounts_user;
