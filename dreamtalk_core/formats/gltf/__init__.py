"""glTF 2.0 binary (GLB): `container` the file, `document` what is in it, `scene` its meshes where
they stand, `expressions` the names of what moves them; `writer` the other way."""
