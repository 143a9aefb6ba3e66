CREATE TABLE chat_message (
    id       serial PRIMARY KEY,
    room     text NOT NULL,
    body     text NOT NULL,
    sent_at  timestamptz NOT NULL DEFAULT now()
);
