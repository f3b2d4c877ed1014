"""RecordSet × Totals × History → pages. Pure."""
