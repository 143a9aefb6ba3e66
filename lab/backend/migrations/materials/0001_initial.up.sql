CREATE TABLE materials_material (
    id          serial PRIMARY KEY,
    title       text NOT NULL,
    body        text NOT NULL,
    owner_id    integer NOT NULL REFERENCES accounts_user,
    created_at  timestamptz NOT NULL DEFAULT now()
);
