CREATE TABLE accounts_user (
    id        serial PRIMARY KEY,
    email     text NOT NULL UNIQUE,
    password  text NOT NULL,
    role      text NOT NULL CHECK (role IN ('student', 'teacher', 'admin'))
);
