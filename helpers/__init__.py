"""What the notebooks' cells call, in the order in which the data meets it.

text: a source becomes clean texts. vectors: texts become vectors. topics: vectors become a labelled map.
Rooms use what stands before them or at the top, never the reverse. The same words everywhere: rows (what a source
holds), texts (one string a row), vectors, points, clusters, topics (clusters with keywords), labels (their names).
"""
