"""Label Studio both ways: review requests become tasks, annotations become labels.

payloads    what is sent and what comes back, as plain functions
tasks       which requests have become which tasks
answers     which annotations stand, and what the labels topic has been told
client      the HTTP API
studio      the loop: push, look, answer
"""
