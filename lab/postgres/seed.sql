-- Rows for the database as release v1 has migrated it. The password of all three is the runbook's: TestPass123!
-- The bodies are noise on purpose: a dump of them is about 1 MB also when compressed.
INSERT INTO accounts_user (email, password, role)
SELECT role || '@test.com', 'pbkdf2_sha256$20000$lab$582f5b7d5f32011d9f56257279d806273cc560bf04c0e7ae40fed1c1324ab271', role
FROM unnest(ARRAY['student', 'teacher', 'admin']) AS role;

INSERT INTO materials_material (title, body, owner_id)
SELECT 'Material ' || n, (SELECT string_agg(md5((n * 100 + k)::text), '') FROM generate_series(1, 30) AS k), 2
FROM generate_series(1, 2000) AS n;

INSERT INTO chat_message (room, body)
SELECT 'room-' || n % 5, 'message ' || n FROM generate_series(1, 200) AS n;

ANALYZE;
