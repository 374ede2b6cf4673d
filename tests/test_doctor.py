import json

from helpers.doctor import examine


def test_the_doctor_looks_at_all_that_a_run_needs():
    checks = {check.name: check for check in examine()}
    for name in (
        "python",
        "memory",
        "disk",
        "gpu",
        "bitsandbytes",
        "packages",
        "embedder",
        "llm",
        "labels",
    ):
        assert checks[name].found and checks[name].state in ("ok", "warn", "FAIL")
    assert "label.model: " in checks["labels"].found and "quantization " in checks["labels"].found
    assert "NF4 works" in checks["bitsandbytes"].found
    assert all(check.mend for check in checks.values() if check.state == "FAIL")


def test_the_command_ends_well_where_all_is_well(kit):
    done = kit("doctor", check=False)
    assert done.returncode == ("FAIL" in done.stdout)
    assert "SmolLM2-135M-Instruct" in done.stdout or "helpers models" in done.stdout


def test_texts_of_other_languages_read_by_an_english_embedder_are_spoken_of(tmp_path):
    from helpers.doctor import _languages

    def run(name, model, shares):
        (tmp_path / name).mkdir()
        report = {"audit": {"language_shares": shares}, "embedding": {"model": model}}
        (tmp_path / name / "report.json").write_text(json.dumps(report))

    run("english", "all-MiniLM-L6-v2", {"en": 0.9, "es": 0.1})
    run("many", "BAAI/bge-m3", {"es": 1.0})
    assert _languages(tmp_path).state == "ok"
    run("spanish", "all-MiniLM-L6-v2", {"es": 0.8, "en": 0.2})
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "report.json").write_text("{")
    found = _languages(tmp_path)
    assert found.state == "warn" and found.found == "spanish: 80% not English, all-MiniLM-L6-v2"
    assert "bge-m3" in found.mend and "quality.encoder" in found.mend
