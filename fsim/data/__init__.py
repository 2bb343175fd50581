"""Files on disk -> records -> splits -> patches -> pairs -> batches."""
