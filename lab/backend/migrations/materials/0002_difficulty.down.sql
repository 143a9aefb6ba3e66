ALTER TABLE materials_material DROP COLUMN difficulty;
