"""Tests of what operators deploy with."""
