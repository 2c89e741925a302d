"""Processes of their own that bring labels from elsewhere: Label Studio, signed webhooks, exports of other tools.

Each keeps what it knows in one SQLite file (`streamssl.connectors.database`): every change is one transaction, so
that a kill at any moment loses nothing and doubles nothing. Two threads work on that file and never wait for each
other: one speaks with the topics (`streamssl.connectors.pump`), one with the outside. When a side is down, the
other goes on, and what it brings waits in the file.
"""
