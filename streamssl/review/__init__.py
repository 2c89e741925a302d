"""The review service: people answer review requests in a browser, or by its JSON API.

============  ========================================================================================
module        what lives there
============  ========================================================================================
questions     a review request as it is kept
tables        the file in which everything is kept
queue         who is shown which question next: by key, leased, blind doubles
decisions     what people have said, and the labels that follow from it
desk          the two together, one lock around them: what pages and API call
people        who may enter: tokens, kept as digests
sessions      who is logged in
uploads       files of labels, line by line
api           the JSON API; ``models`` what it takes and gives, ``openapi`` its description
process       the process ``streamssl review``: its threads, its metrics
app           the pages, put together: where each lies; `site` is what they work with
doors         what every request passes: host, size, time, headers
visits        who looks at a page, and whether a form comes from one of ours
reviewing     the page on which people answer; finding, uploading, reports, status: the others
presentation  an event's features by their kind; unusual, pictures: numbers among others, and what is looked at
looks         templates and what lies beside them
============  ========================================================================================

Labels leave through the outbox of `streamssl.connectors`: kept in the same transaction as the decision, and in the
labels topic exactly once, whatever is killed meanwhile.
"""
