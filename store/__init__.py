"""All SQL on the tables of the engine: plain functions that take a cursor, one file per stage.

They run in the caller's transaction and never commit. They return rows, counts and codes; texts for people come from the caller.
"""
