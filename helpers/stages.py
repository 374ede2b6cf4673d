"""The stages of a map in the order of the way of the data -> the files that each leaves in the run folder."""

from __future__ import annotations

# What each stage leaves for the next, in the order of the way of the data; a stage is named for its module.
STAGES = {
    "load": ("stages/loaded.parquet", "stages/unreadable.parquet"),
    "strings": ("stages/texts.parquet", "stages/unusable.parquet"),
    "redact": ("stages/redacted.parquet", "stages/redactions.json"),
    "decontaminate": ("clean/contamination.parquet",),
    "dedup": ("clean/near_duplicates.parquet", "clean/pairs.parquet"),
    "audit": ("stages/counts.parquet",),
    "truncate": ("stages/truncated.parquet",),
    "embed": ("vectors.npy", "stages/embedding.json"),
    "reduce": ("reduced.npy", "points.npy", "stages/neighbours.npy", "stages/distances.npy"),
    "tree": ("stages/tree.npy",),
    "tune": ("stages/again.npy", "stages/tuning.parquet"),
    "cluster": ("stages/clusters.parquet",),
    "layers": ("stages/placed.parquet", "stages/layers.parquet"),
    "assign_rest": ("stages/assigned.parquet", "stages/sizes.parquet", "stages/points.npy"),
    "apply_edits": ("stages/edited.parquet", "stages/edited_layers.parquet", "stages/effects.parquet"),
    "describe": ("stages/described.parquet",),
    "label": ("topics.parquet", "layers.parquet"),
}
FINISHED = ("report.json", "topics.parquet", "rows.parquet")  # there when a map is
# What the stages' results are put together to: gone as soon as one of them is made anew.
RESULTS = (
    "topics.parquet layers.parquet rows.parquet map.html map.png map.svg map.csv report.html report.json "
    "assign_report.json quality_report.json quality/scores.parquet quality/kept.parquet quality/dropped.parquet "
    "quality/map.html quality/map.png quality/topics.png assign_topics.png assign_map.png synthetic_report.json "
    "explore_report.json explore/questions.html"
).split()
# What answers to a map leave, by the setting of explore that asks: tables, and a picture of its name.
ANSWERS = {
    "questions": ("questions",),
    "time": ("over_time", "trends"),
    "classes": ("classes",),
    "sources": ("sources",),
    "additions": ("additions",),
    "run": ("aligned",),
    "pick": ("picked", "picked_by_topic"),
}
RESULTS += [f"explore/{name}.png" for name in ANSWERS]
RESULTS += [f"explore/{table}.parquet" for tables in ANSWERS.values() for table in tables]
# Of stages that only tell something of rows; and of those after which ids may be those of other texts.
_TOLD = "report.html report.json quality/kept.parquet quality/dropped.parquet quality_report.json".split()
RESULTS_OF = {"decontaminate": _TOLD, "dedup": _TOLD}
RESULTS_OF |= dict.fromkeys(("load", "strings", "redact"), [*RESULTS, "uses/labels.parquet", "uses_report.json"])
