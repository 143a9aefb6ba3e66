DROP TABLE materials_material;
