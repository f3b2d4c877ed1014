"""Study records of an organisation, kept in Git."""
