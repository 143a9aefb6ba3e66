ALTER TABLE accounts_user ADD COLUMN last_login timestamptz;
