"""Damages files: the same random number generator gives the same damage."""

import re
import struct
import zipfile
import zlib
from io import BytesIO

_PNG = b"\x89PNG\r\n\x1a\n"
_LIMITS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|null|[\[\]{}=,:\n]')
_VALUES = (
    *("null", "true", "-1", "0", "1e400", "-0.0", "NaN", "9" * 5000, "1" + "0" * 30, "0.5", '""', '"x"', "[]", "{}"),
    *('"\\u0000"', '"../../x"', '"/etc/passwd"', '"\\u001b[2J"', '"two\\nlines"', "[1]", '{"a": 1}', '"=1+1"'),
    *("[" * 100_000, "[" * 500 + "]" * 500, '{"a":' * 3000, '"' + "x" * 200_000 + '"', "1979-05-27", "inf"),
)


def mutate(content, others, random):
    """Damages a file in one to four places.

    Args:
        content: The file's bytes.
        others: Contents of other files of the kind, of which pieces are put in.
        random: A `random.Random`.

    Returns:
        The damaged bytes. Containers with checksums are damaged inside half of the time, so that the damage gets past
        the checksum: the members of a zip file, the chunks of a PNG file.
    """
    if random.random() < 0.5:
        if content.startswith(b"PK\x03\x04"):
            return _inside_zip(content, others, random)
        if content.startswith(_PNG):
            return _with_checksums(_damaged(content, others, random))
    return _damaged(content, others, random)


def mutate_text(text, random):
    """Damages JSON or TOML in one to three places: values become others, marks go or come twice, lines move."""
    for _ in range(random.randint(1, 3)):
        places = list(_TEXT.finditer(text))
        if not places:
            return random.choice(_VALUES)
        place = random.choice(places)
        kind = random.randrange(5)
        if kind == 0:
            new = ""
        elif kind == 1:
            new = place.group() * 2
        elif kind == 2:
            new = random.choice(places).group()
        else:
            new = random.choice(_VALUES)
        text = text[: place.start()] + new + text[place.end() :]
    return text


def _damaged(content, others, random):
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        random.choice(_DAMAGE)(data, others, random)
    return bytes(data)


def _at(data, random):
    """A place in the file; every other one is in the beginning, where headers are."""
    size = max(1, len(data))
    return random.randrange(min(size, 512) if random.random() < 0.5 else size)


def _flip(data, others, random):
    if data:
        data[_at(data, random)] ^= 1 << random.randrange(8)


def _set_byte(data, others, random):
    if data:
        data[_at(data, random)] = random.choice((0, 0xFF, random.randrange(256)))


def _set_number(data, others, random):
    size, form = random.choice(((2, "H"), (4, "I"), (8, "Q")))
    place = _at(data, random)
    number = random.choice(_LIMITS) & (256**size - 1)
    if place + size <= len(data):
        data[place : place + size] = struct.pack(random.choice("<>") + form, number)


def _cut(data, others, random):
    del data[_at(data, random) :]


def _remove(data, others, random):
    place = _at(data, random)
    del data[place : place + random.choice((1, 4, 64, 1000))]


def _insert(data, others, random):
    place = _at(data, random)
    data[place:place] = random.choice((b"\0", b"\xff")) * random.choice((1, 4, 64, 1000))


def _repeat(data, others, random):
    start, place = _at(data, random), _at(data, random)
    data[place:place] = data[start : start + random.choice((4, 64, 1000))]


def _fill(data, others, random):
    place, size = _at(data, random), random.choice((4, 64, 1000))
    size = max(0, min(size, len(data) - place))
    data[place : place + size] = random.choice((b"\0", b"\xff")) * size


def _splice(data, others, random):
    other = random.choice(others)
    start = _at(other, random)
    place = _at(data, random)
    data[place : place + 1000] = other[start : start + random.choice((4, 64, 1000))]


_DAMAGE = (_flip, _flip, _set_byte, _set_number, _set_number, _cut, _remove, _insert, _repeat, _fill, _splice)


def _inside_zip(content, others, random):
    with zipfile.ZipFile(BytesIO(content)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    chosen = random.randrange(len(members))
    name, data = members[chosen]
    members[chosen] = name, _damaged(data, others, random)
    written = BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return written.getvalue()


def _with_checksums(content):
    """A PNG file whose chunks have the checksums of what is in them, as far as it can be followed."""
    data, place = bytearray(content), len(_PNG)
    while place + 12 <= len(data):
        end = place + 8 + struct.unpack_from(">I", data, place)[0]
        if end + 4 > len(data):
            break
        struct.pack_into(">I", data, end, zlib.crc32(data[place + 4 : end]))
        place = end + 4
    return bytes(data)
