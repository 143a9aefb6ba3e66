ALTER TABLE materials_material DROP COLUMN reviewer_id;
