"""Fetches published files: the AnimeGAN authors' generators and training sets, and VGG19's weights.

    .venv/bin/python tools/download.py                               # list what there is
    .venv/bin/python tools/download.py animegan2-hayao photos -o downloads

Run it again to go on after an interruption. Sizes and checksums are checked where downloads/published.toml has them.
OUT/received.json records each file that was received, and a later copy must have the same checksum.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import urllib.parse
from pathlib import Path

from downloads.fetch import fetch

from animegan3_tf.common.console import progress
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import whole_file
from animegan3_tf.styles.style import tomllib

PUBLISHED = Path(__file__).with_name("downloads") / "published.toml"
RECORD = "received.json"


def download(names, out, published):
    """Fetches files into OUT/NAME.

    Args:
        names: Keys of `published`.
        out: The folder OUT.
        published: {name: [{"url", "bytes", "sha256", "then"}, ...]}; all but "url" may be missing.

    Returns:
        Hints on how to use the files, one line each.

    Raises:
        UserError: A name is unknown, or a file cannot be fetched or is not the published one.
    """
    unknown = [name for name in names if name not in published]
    if unknown:
        raise UserError(f"{', '.join(unknown)}: not known; choose from {', '.join(published)}")
    record, hints = _read_record(out), []
    for name in names:
        for file in published[name]:
            url, folder = file["url"], out / name
            path = folder / urllib.parse.unquote(url).rpartition("/")[2]
            sha256 = file.get("sha256") or record.get(url, {}).get("sha256")
            with progress(f"fetching {path.name}") as advance:
                received = fetch(url, path, file.get("bytes"), sha256, lambda done, total: advance(done, total, ""))
            known = "as known" if received.known else "not known before, now recorded"
            print(f"{path}  {received.bytes:,} bytes  sha256 {received.sha256} ({known})")
            today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
            entry = {"bytes": received.bytes, "sha256": received.sha256, "received": today}
            record[url] = record.get(url) or entry
            _write_record(out, record)
            if "then" in file:
                hints.append(file["then"].format(path=path, folder=folder))
    return hints


def _read_record(out):
    path = out / RECORD
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise UserError(f"{str(path)!r} cannot be read ({error}); move it away to start a new record") from error


def _write_record(out, record):
    with whole_file(out / RECORD) as temporary:
        temporary.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="names of what to fetch; without names, list them")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("downloads"), help="folder for the files (default: downloads)"
    )
    options = parser.parse_args()
    published = tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))
    if not options.names:
        for name, files in published.items():
            sizes = [f"{file['bytes']:,} bytes" if "bytes" in file else "size not known" for file in files]
            print("\n".join([name, *(f"  {file['url']}  {size}" for file, size in zip(files, sizes))]))
        return
    try:
        hints = download(options.names, options.out, published)
    except UserError as error:
        sys.exit(f"download: {error}")
    print("\n".join(["next:", *(f"  {hint}" for hint in hints)]) if hints else "")


if __name__ == "__main__":
    _main()
