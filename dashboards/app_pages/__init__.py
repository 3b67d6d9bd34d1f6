"""The pages. One module a page, each with `show(looking)`; add it to `dashboards.app`."""
