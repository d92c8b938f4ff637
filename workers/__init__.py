"""Celery tasks that carry stored events on to conversation rows and to Redis, and the jobs that run on a schedule."""
