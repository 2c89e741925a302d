"""The Grafana dashboards, as code: ``python -m deploy.dashboards`` writes them to ``deploy/grafana/dashboards``.

One module a dashboard; `top_row` is above each of them. Every query is run against the real service by
``tests/deploy/test_dashboards.py``, and every metric is on a panel or, with a reason, in `unshown`.
"""
