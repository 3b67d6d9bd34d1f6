"""What pages are made of: formats, selection, tiles, charts, tables, sections, definitions, banners, downloads."""
