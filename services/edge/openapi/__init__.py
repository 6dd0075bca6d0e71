"""The description of the public API: `/openapi.json` and `/docs`.

Every public route stands in one of the tables of operations; a test refuses routes without a
description and descriptions without a route. Pure: it knows no wire and no service.
"""
