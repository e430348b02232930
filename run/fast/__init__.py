"""Work that many records have in common, done once for all of them, with exactly the rows that Odoo would have written.

Only while the engine runs records: messages, followers, default values where the setting `fast_chatter` is on (see `switch`), imports where `fast_load` is (see
`loading`).
"""
