-- Old code never names the column and the default fills it: v1 and v2 can serve side by side.
ALTER TABLE materials_material ADD COLUMN difficulty integer NOT NULL DEFAULT 1;
