"""Files of images and of sound pass through as they are, under the content type that they are."""

from __future__ import annotations

import base64
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.schema.codecs import CodecError, Marshaller, NotAcceptableError, decode
from cdk_modelbuilder.schema.codecs.media_bytes import CODEC
from cdk_modelbuilder.schema.codecs.media_types import media_type_of
from tests.schema.codec_checks import JSON, codec_of, is_valid, refused, spoiled, takes_or_refuses, through

FILES = {
    "image/png": b"\x89PNG\r\n\x1a\n....",
    "image/jpeg": b"\xff\xd8\xff\xe0....",
    "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ",
    "image/gif": b"GIF89a....",
    "image/tiff": b"II*\0....",
    "audio/wav": b"RIFF\x10\0\0\0WAVEfmt ",
    "audio/flac": b"fLaC....",
    "audio/ogg": b"OggS....",
    "audio/mpeg": b"ID3\4....",
}
OTHERS = [
    b"",
    b"RIFF",
    b"RIFF\0\0\0\0AVI ....",
    b"hello",
    b"\xff\xfe\xff\xff",
    b"\xff\xfb\xff\0",
    b"GIF90a",
    bytes(20),
    b"\x89PNG",
]


@pytest.mark.parametrize("content_type", FILES)
def test_files_pass_through_untouched(content_type):
    body = FILES[content_type]
    codec = codec_of(CODEC, body)
    assert codec.spec == {"kind": content_type.partition("/")[0], "content_type": content_type}
    assert codec.content_types[0] == content_type
    for name in (content_type, JSON, "application/octet-stream"):
        for body_type in (bytes, bytearray, memoryview):
            found = through(codec, body, name, body_type)
            assert type(found) is bytes
            assert found == body
    assert codec.decode(body, content_type) is body


@pytest.mark.parametrize("body", OTHERS, ids=repr)
def test_other_bytes_are_not_media(body):
    assert media_type_of(body) is None
    assert CODEC.describe(body) is None


def test_types_that_are_no_bytes_are_not_media():
    for sample in ("\x89PNG", bytearray(FILES["image/png"]), None):
        assert CODEC.describe(sample) is None


def test_mp3_files_need_no_tag():
    assert media_type_of(b"\xff\xfb\x90\x64" + bytes(20)) == "audio/mpeg"
    assert media_type_of(b"\xff\xf3\x18\xc4" + bytes(20)) == "audio/mpeg"


@pytest.mark.parametrize(
    ("alias", "content_type"),
    [
        ("image/jpg", "image/jpeg"),
        *((name, "audio/wav") for name in ("audio/x-wav", "audio/wave", "audio/vnd.wave")),
        ("audio/x-flac", "audio/flac"),
        ("audio/mp3", "audio/mpeg"),
    ],
)
def test_other_names_are_read_and_can_be_asked_for(alias, content_type):
    body = FILES[content_type]
    codec = codec_of(CODEC, FILES["image/png" if alias.startswith("image") else "audio/ogg"])
    assert decode(codec, body, alias) == body
    assert codec.choose(alias, body) == alias
    assert codec.label(alias, body) == alias
    assert codec.choose(f"{alias};q=0.5, {content_type}", body) == content_type


def test_the_answer_is_of_the_type_that_the_bytes_are():
    codec = codec_of(CODEC, FILES["image/png"])
    both = Marshaller(codec, codec)
    for content_type in ("image/png", "image/jpeg", "image/webp"):
        assert both.encode_response(FILES[content_type], None) == (FILES[content_type], content_type)
        assert both.encode_response(FILES[content_type], "image/*") == (FILES[content_type], content_type)
        assert both.encode_request(FILES[content_type]) == (FILES[content_type], content_type)
    with pytest.raises(NotAcceptableError, match="image/jpeg"):
        both.encode_response(FILES["image/jpeg"], "image/png")
    body, content_type = both.encode_response(FILES["image/jpeg"], JSON)
    assert (json.loads(body), content_type) == (base64.b64encode(FILES["image/jpeg"]).decode(), JSON)
    with pytest.raises(CodecError, match="got audio/wav"):
        both.encode_response(FILES["audio/wav"], None)
    with pytest.raises(CodecError, match="got str"):
        both.encode_response("text", None)


def test_what_does_not_fit_is_refused_in_words():
    image, sound = codec_of(CODEC, FILES["image/png"]), codec_of(CODEC, FILES["audio/wav"])
    refused(image, FILES["image/jpeg"], "image/png", "expected image/png, as the content type says, got image/jpeg")
    refused(image, FILES["audio/wav"], "image/png", "image/png, image/jpeg.*, got audio/wav")
    refused(image, b"hello", "image/png", "got bytes of no known format")
    refused(image, b"", "application/octet-stream", "got bytes of no known format")
    refused(image, FILES["image/png"], "audio/wav", "not supported. Send one of: image/png")
    refused(sound, FILES["image/png"], "audio/wav", "audio/wav, audio/flac.*, got image/png")
    refused(sound, b"RIFF\0\0\0\0AVI ", "audio/x-wav", "got bytes of no known format")


def test_json_is_base64_or_a_data_url():
    codec = codec_of(CODEC, FILES["image/png"])
    text = base64.b64encode(FILES["image/jpeg"]).decode()
    for document in (text, f"data:image/jpeg;base64,{text}", f"data:image/jpg;base64,{text}"):
        assert is_valid(codec, document)
        assert decode(codec, json.dumps(document).encode(), JSON) == FILES["image/jpeg"]
    refused(codec, json.dumps(f"data:image/png;base64,{text}").encode(), JSON, "expected image/png.* got image/jpeg")
    for document in (1, None, [text], "?", "data:image/png,abc", "aGk=\n"):
        assert not is_valid(codec, document)
        refused(codec, json.dumps(document).encode(), JSON, "base64, or as a data URL")


def test_real_files_are_known():
    image_library = pytest.importorskip("PIL.Image")
    for name in ("png", "jpeg", "gif", "tiff", "webp"):
        stream = io.BytesIO()
        image_library.new("RGB", (3, 3)).save(stream, name)
        assert CODEC.describe(stream.getvalue()) == {"kind": "image", "content_type": f"image/{name}"}


def test_real_sound_is_known():
    soundfile = pytest.importorskip("soundfile")
    numpy = pytest.importorskip("numpy")
    for kind, content_type in {
        "WAV": "audio/wav",
        "FLAC": "audio/flac",
        "OGG": "audio/ogg",
        "MP3": "audio/mpeg",
    }.items():
        stream = io.BytesIO()
        soundfile.write(stream, numpy.zeros(8000, "f4"), 8000, format=kind)
        body = stream.getvalue()
        codec = codec_of(CODEC, body)
        assert codec.spec == {"kind": "audio", "content_type": content_type}
        assert len(soundfile.read(io.BytesIO(codec.decode(bytearray(body), content_type)))[0]) > 0
        assert len(soundfile.read(io.BytesIO(codec.example()))[0]) == 8


@pytest.mark.parametrize("content_type", ["image/png", "audio/mpeg"])
def test_examples_and_summaries(content_type):
    codec = codec_of(CODEC, FILES[content_type])
    assert codec.difference(codec.example()) is None
    assert is_valid(codec, codec.to_plain(codec.example()))
    assert codec.summary() == f"{content_type.partition('/')[0]} file ({content_type})"


@given(st.data())
@settings(max_examples=500, deadline=None)
def test_no_bytes_do_harm(data):
    codec = codec_of(CODEC, FILES[data.draw(st.sampled_from(sorted(FILES)))])
    content_type = data.draw(st.sampled_from(codec.content_types))
    valid = [
        json.dumps(base64.b64encode(body).decode()).encode() if content_type == JSON else body
        for body in FILES.values()
    ]
    found = takes_or_refuses(codec, data.draw(spoiled(valid)), content_type)
    assert found is None or media_type_of(found) is not None
