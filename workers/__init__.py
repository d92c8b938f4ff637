"""Celery: tasks that bring the database and Redis up to date with what was stored."""
