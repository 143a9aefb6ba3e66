DROP TABLE materials_assignment;
DROP TABLE materials_file;
DROP TABLE materials_material;
