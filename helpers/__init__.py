"""What the notebooks' cells call, in the order in which the data meets it.

text: a source becomes clean texts. vectors: texts become vectors. clean: copies, benchmark text, rules. topics: vectors
become a labelled map. assign: new rows find their place on it. quality: rows are rated and labelled. synthetic: topics
become texts. explore: a map is asked. Rooms use what stands before them or at the top, never the reverse. The same
words everywhere: rows (what a source holds), texts (one string a row), vectors, points, clusters, topics (clusters with
keywords), labels (their names).
"""

import os

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is imported, whoever does that first
