ALTER TABLE accounts_user DROP COLUMN last_login;
