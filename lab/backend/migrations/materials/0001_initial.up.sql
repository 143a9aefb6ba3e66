CREATE TABLE materials_material (
    id          serial PRIMARY KEY,
    title       text NOT NULL,
    body        text NOT NULL,
    owner_id    integer NOT NULL REFERENCES accounts_user,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE materials_file (
    id           serial PRIMARY KEY,
    name         text NOT NULL,
    type         text NOT NULL,
    size         integer NOT NULL,
    sha256       text NOT NULL,
    owner_id     integer NOT NULL REFERENCES accounts_user,
    uploaded_at  timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE materials_assignment (
    id          serial PRIMARY KEY,
    title       text NOT NULL,
    due         date,
    owner_id    integer NOT NULL REFERENCES accounts_user,
    created_at  timestamptz NOT NULL DEFAULT now()
);
