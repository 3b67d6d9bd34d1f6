"""What pages are made of: formats, selection, tiles, charts, tables, definitions, banners, downloads."""
