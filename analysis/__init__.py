"""Metrics that are models rather than SQL: pure functions of arrays, without input, output or an engine."""
