"""Every statement on the tables of the engine: plain functions that take a cursor, a file a stage.

They work in their caller's transaction, decide nothing and say nothing to people: what they return are rows and codes.
"""
