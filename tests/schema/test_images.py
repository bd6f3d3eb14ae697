"""Images come back pixel for pixel in every mode and file format that keeps it; no file does harm."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("PIL")

from PIL import Image, ImageOps, features

from cdk_modelbuilder.schema.codecs import CodecError, NotAcceptableError, decode
from cdk_modelbuilder.schema.codecs.image_modes import WRITTEN
from cdk_modelbuilder.schema.codecs.images import CODEC, MAX_PIXELS
from tests.schema.codec_checks import JSON, codec_of, is_valid, refused, spoiled, takes_or_refuses, through

PNG, JPEG, WEBP, TIFF = "image/png", "image/jpeg", "image/webp", "image/tiff"
FORMATS = {PNG: "PNG", JPEG: "JPEG", WEBP: "WEBP", TIFF: "TIFF"}
pytestmark = pytest.mark.skipif(not features.check("webp"), reason="Pillow was built without WebP")


def noise(mode, size=(7, 5)):
    random.seed(mode)
    if mode == "1":
        return noise("L", size).point(lambda level: 255 * (level > 100), "1")
    image = Image.frombytes(mode, size, random.randbytes(len(Image.new(mode, size).tobytes())))
    if mode in ("P", "PA"):
        image.putpalette(random.randbytes(768))
    return image


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def same(found, expected):
    assert type(found) is Image.Image
    assert (found.mode, found.size) == (expected.mode, expected.size)
    assert found.tobytes() == expected.tobytes()
    assert found.getpalette() == expected.getpalette()


@pytest.mark.parametrize("mode", WRITTEN)
def test_every_mode_in_every_lossless_type(mode):
    image = noise(mode)
    codec = codec_of(CODEC, image)
    assert codec.content_types[0] == WRITTEN[mode][0]
    for content_type in (*(name for name in codec.written if name != JPEG), JSON):
        for body_type in (bytes, bytearray, memoryview):
            found = through(codec, image, content_type, body_type)
            same(found, image)
            found.putpixel((0, 0), found.getpixel((1, 1)))


@pytest.mark.parametrize("mode", [mode for mode, kinds in WRITTEN.items() if JPEG in kinds])
def test_jpeg_is_nearly_the_same(mode):
    image = Image.new(mode, (16, 16), tuple(range(40, 80, 10))[: len(mode)] if len(mode) > 1 else 40)
    found = through(codec_of(CODEC, image), image, JPEG)
    assert (found.mode, found.size) == (image.mode, image.size)
    assert max(abs(one - other) for one, other in zip(found.tobytes(), image.tobytes(), strict=True)) < 4


@given(st.sampled_from(sorted(WRITTEN)), st.integers(1, 20), st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_any_size(mode, width, height):
    image = noise(mode, (width, height))
    same(through(codec_of(CODEC, image), image, WRITTEN[mode][0]), image)


def test_transparency_and_colour_profile_come_back():
    for transparency in (3, b"\x00\x80\xff"):
        image = noise("P")
        image.info["transparency"] = transparency
        found = through(codec_of(CODEC, image), image, PNG)
        assert found.convert("RGBA").tobytes() == image.convert("RGBA").tobytes()
    image = noise("RGB")
    image.info.update(transparency=(1, 2, 3), icc_profile=b"profile", comment="gone")
    assert through(codec_of(CODEC, image), image, PNG).info == {"transparency": (1, 2, 3), "icc_profile": b"profile"}
    assert image.info["comment"] == "gone"


def test_an_image_is_turned_as_its_exif_says_but_not_one_of_ours():
    image = noise("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    codec = codec_of(CODEC, image)
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(saved(image, "PNG", exif=exif))))
    assert turned.size == (5, 7)
    same(codec.decode(saved(image, "PNG", exif=exif), PNG), turned)
    same(codec.decode(saved(image, "WEBP", exif=exif, lossless=True), WEBP), turned)
    opened = Image.open(io.BytesIO(saved(image, "PNG", exif=exif)))
    for content_type in (PNG, WEBP, TIFF):
        same(through(codec, opened, content_type), image)  # the pixels that the client has


@pytest.mark.parametrize("content_type", FORMATS)
@pytest.mark.parametrize(
    ("mode", "target"), [("RGB", "L"), ("L", "RGB"), ("L", "CMYK"), ("L", "F"), ("L", "I;16"), ("L", "RGBA")]
)
def test_other_modes_are_converted(content_type, mode, target):
    image = noise(mode)
    codec = codec_of(CODEC, noise(target))
    body = saved(image, FORMATS[content_type])
    found = decode(codec, body, content_type)
    assert found.mode == target
    if content_type in (PNG, TIFF):
        same(found, image.convert(target))
        same(codec.decode(bytes(codec.encode(image, codec.written[0])), codec.written[0]), image.convert(target))


@pytest.mark.parametrize(
    ("mode", "target"),
    [("I;16", "L"), ("I;16", "RGB"), ("F", "L"), ("I", "L"), ("F", "I"), ("RGB", "P"), ("L", "1"), ("I;16", "P")],
)
def test_no_pixel_is_clipped_or_guessed(mode, target):
    codec = codec_of(CODEC, noise(target))
    assert f"mode {target}, got {mode}" in codec.difference(noise(mode))
    kind = WRITTEN[mode][0]
    refused(codec, saved(noise(mode), FORMATS[kind]), kind, f"mode {target}, got {mode}")


def test_wide_pixels_fit_in_wider_ones():
    image = noise("I;16")
    for target in ("I", "F", "I;16B"):
        found = decode(codec_of(CODEC, noise(target)), saved(image, "PNG"), PNG)
        assert list(found.convert("I").getextrema()) == list(image.getextrema())
    narrow = codec_of(CODEC, image)
    assert decode(narrow, saved(image.convert("I"), "TIFF"), TIFF).tobytes() == image.tobytes()
    refused(narrow, saved(Image.new("I", (1, 1), 70000), "TIFF"), TIFF, "numbers from 70000 to 70000")


def test_modes_that_no_file_keeps_say_what_to_do():
    for mode in ("HSV", "RGBa", "La", "RGBX"):
        with pytest.raises(CodecError, match=r"convert\('RGB'\)"):
            CODEC.describe(Image.new(mode, (1, 1)))
    assert CODEC.describe(b"png") is None


def test_what_may_be_asked_for():
    image = noise("RGBA")
    codec = codec_of(CODEC, image)
    assert codec.choose(None, image) == PNG
    assert codec.choose("image/webp, image/png;q=0.5", image) == WEBP
    assert codec.choose("image/*", image) == PNG
    with pytest.raises(NotAcceptableError, match=r"image/png, image/webp, image/tiff, application/json"):
        codec.choose("image/jpeg", image)
    with pytest.raises(CodecError, match="cannot be written as image/jpeg"):
        codec.encode(image, JPEG)


def test_json_is_base64_or_a_data_url():
    image = noise("RGB")
    codec = codec_of(CODEC, image)
    text = json.loads(codec.encode(image, JSON))
    same(Image.open(io.BytesIO(base64.b64decode(text))).copy(), image)
    for body, kind in [(saved(image, "PNG"), PNG), (saved(image, "WEBP", lossless=True), WEBP)]:
        plain = base64.b64encode(body).decode()
        for document in (plain, f"data:{kind};base64,{plain}"):
            same(decode(codec, json.dumps(document).encode(), JSON), image)
    assert is_valid(codec, text)
    for document in ("!", [text], None, f"data:image/png,{text}"):
        assert not is_valid(codec, document)
        refused(codec, json.dumps(document).encode(), JSON, "base64, or as a data URL")
    refused(
        codec,
        json.dumps(f"data:image/jpeg;base64,{text}").encode(),
        JSON,
        "expected an image .image/jpeg., got image/png",
    )
    refused(codec, json.dumps("aGVsbG8=").encode(), JSON, "got bytes of no known format")


def test_a_body_is_what_its_content_type_says():
    codec = codec_of(CODEC, noise("RGB"))
    refused(codec, saved(noise("RGB"), "PNG"), JPEG, "expected an image .image/jpeg., got image/png")
    refused(codec, saved(noise("RGB"), "GIF"), PNG, "got image/gif")
    refused(codec, b"hello", PNG, "got bytes of no known format")
    refused(codec, b"", PNG, "got bytes of no known format")


@pytest.mark.parametrize("content_type", FORMATS)
def test_a_file_that_is_cut_short_is_refused(content_type):
    whole = saved(noise("RGB", (64, 64)), FORMATS[content_type])
    refused(codec_of(CODEC, noise("RGB")), whole[: len(whole) // 2], content_type, f"broken {content_type} file")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_the_size_is_read_before_a_pixel_is_decoded():
    codec = codec_of(CODEC, noise("L"))
    for side, got in ((9_000, ", got 9000 x 9000"), (20_000, ": Image size")):
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
        refused(codec, b"\x89PNG\r\n\x1a\n" + body, PNG, rf"1 to {MAX_PIXELS} pixels{got}")
    exif = Image.Exif()
    exif[0x010E] = "note"
    webp = bytearray(saved(noise("RGB"), "WEBP", exif=exif))
    assert webp[12:16] == b"VP8X"
    webp[24:30] = b"\xff\xff\xff" * 2
    refused(codec, bytes(webp), WEBP, "got 16777216 x 16777216")
    lossless = bytearray(saved(noise("RGB"), "WEBP", lossless=True))
    assert lossless[12:16] == b"VP8L"
    lossless[21:25] = b"\xff\xff\xff\x0f"
    refused(codec, bytes(lossless), WEBP, "got 16384 x 16384")
    lossy = bytearray(saved(noise("RGB"), "WEBP"))
    assert lossy[12:16] == b"VP8 "
    lossy[26:30] = b"\xff\x3f" * 2
    refused(codec, bytes(lossy), WEBP, "got 16383 x 16383")


def test_the_first_picture_of_several_is_taken():
    first, second = noise("RGB"), noise("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for content_type, options in ((TIFF, {}), (WEBP, {"lossless": True}), (PNG, {})):
        body = saved(first, FORMATS[content_type], save_all=True, append_images=[second], **options)
        same(decode(codec_of(CODEC, first), body, content_type), first)


def test_images_without_a_pixel_are_refused():
    codec = codec_of(CODEC, noise("RGB"))
    with pytest.raises(CodecError, match=r"1 to .* pixels, got 0 x 3"):
        codec.encode(Image.new("RGB", (0, 3)), PNG)


@pytest.mark.parametrize("mode", ["RGB", "P", "I;16", "CMYK", "F"])
def test_no_bytes_do_harm(mode):
    codec = codec_of(CODEC, noise(mode))
    bodies = {}
    for content_type, kind in FORMATS.items():
        exif = Image.Exif()
        exif[0x0112], exif[0x010E] = 6, "note"
        samples = [noise("RGB"), noise("L")] + ([noise(mode)] if content_type in WRITTEN[mode] else [])
        bodies[content_type] = [saved(image, kind, exif=exif) for image in samples]
    bodies[JSON] = [bytes(codec.encode(noise(mode), JSON))]

    @given(st.data())
    @settings(max_examples=300, deadline=None, database=None)
    def throw(data):
        content_type = data.draw(st.sampled_from(sorted(bodies)))
        found = takes_or_refuses(codec, data.draw(spoiled(bodies[content_type])), content_type)
        assert found is None or found.mode == mode

    throw()


def test_example_and_summary():
    for mode in WRITTEN:
        codec = codec_of(CODEC, noise(mode))
        same(through(codec, codec.example(), codec.content_types[0]), codec.example())
        assert codec.summary() == f"PIL image {mode}"
    assert "expected a PIL image, got bytes" in codec.difference(b"")
