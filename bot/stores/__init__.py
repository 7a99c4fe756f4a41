"""What must be remembered: one SQLAlchemy implementation, SQLite or PostgreSQL by URL."""
