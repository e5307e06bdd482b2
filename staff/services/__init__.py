"""Acts on a taxpayer's identities, memberships and passwords. Each locks, changes and records in one transaction."""
