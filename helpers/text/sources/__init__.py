"""A source of any kind -> its records one by one: what load.py orders and numbers."""
