"""Vectors become a labelled map: reduce, cluster, describe, label, pictures, maps, tables."""
