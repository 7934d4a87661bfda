"""Dievio, the system that leads are bought from: requests, answers, and what its errors mean."""
