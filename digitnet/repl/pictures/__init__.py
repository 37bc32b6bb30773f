"""What several features draw: digits, bars, curves, tables, calculations, and pictures in files."""
