"""Parsing strangers' files in a process of its own, with bounds on time and memory."""
