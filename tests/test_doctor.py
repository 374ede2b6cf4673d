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
