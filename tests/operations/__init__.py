"""Journeys of those who run the service: what they see, and what they do to it."""
