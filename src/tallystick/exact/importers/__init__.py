"""Trained models of other libraries as exact programs."""
