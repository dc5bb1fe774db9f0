"""DATASUS by HTTP: a gateway over the ``datasus`` package. ``python -m gateway`` starts it."""
