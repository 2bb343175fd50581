"""A case: what was asked, of which files, and what was answered, kept so that changes are found. docs/case.md."""
