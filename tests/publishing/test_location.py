"""The keys under which bundles are published."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.publishing.location import ARTIFACT_FORMS, KEY_BYTES, artifact_key

DIGEST = "0123456789abcdef" * 4

digests = st.text("0123456789abcdef", min_size=64, max_size=64)
parts = st.from_regex(r"[A-Za-z0-9._=-]{1,20}", fullmatch=True).filter(lambda part: part not in (".", ".."))
prefixes = st.lists(parts, max_size=5).map("/".join)
forms = st.sampled_from(ARTIFACT_FORMS)


def test_the_two_forms():
    assert artifact_key(DIGEST) == f"{DIGEST}/model.tar.gz"
    assert artifact_key(DIGEST, prefix="models/churn", form="folder") == f"models/churn/{DIGEST}/model/"


@given(digests, prefixes, forms)
def test_a_key_says_what_it_was_made_of(digest, prefix, form):
    key = artifact_key(digest, prefix=prefix, form=form)
    before, _, name = key.removesuffix("/").rpartition("/")
    assert (name, key.endswith("/")) == {"archive": ("model.tar.gz", False), "folder": ("model", True)}[form]
    assert before == f"{prefix}/{digest}".lstrip("/")
    assert all(part not in ("", ".", "..") for part in key.removesuffix("/").split("/"))
    assert key.isascii()
    assert len(key) <= KEY_BYTES
    assert artifact_key(digest, prefix=f"{prefix}/" if prefix else "", form=form) == key


@given(st.tuples(digests, prefixes, forms), st.tuples(digests, prefixes, forms))
def test_no_two_artifacts_share_a_key_or_contain_each_other(one, other):
    first, second = (artifact_key(digest, prefix=prefix, form=form) for digest, prefix, form in (one, other))
    assert (first == second) == (one == other)
    if one != other and one[1] == other[1]:
        assert not first.startswith(second)


@given(st.text(max_size=30))
def test_any_prefix_gives_a_plain_key_or_is_refused(prefix):
    with contextlib.suppress(UsageError):
        key = artifact_key(DIGEST, prefix=prefix)
        assert re.fullmatch(r"([\w.=-]+/)*" + DIGEST + r"/model\.tar\.gz", key, re.ASCII)


@pytest.mark.parametrize(
    "prefix",
    ["/", "/models", "models//churn", "models//", "a/../b", ".", "mo*", "a b", "s3://b/models", "${Token[1]}", "a\n"],
)
def test_refused_prefixes(prefix):
    with pytest.raises(UsageError, match="the prefix"):
        artifact_key(DIGEST, prefix=prefix)


def test_a_prefix_that_is_too_long():
    with pytest.raises(UsageError, match="at most 1024 bytes"):
        artifact_key(DIGEST, prefix="a" * 1000)


@pytest.mark.parametrize("digest", ["", "abc", DIGEST.upper(), DIGEST + "\n", DIGEST + "0", "../" + DIGEST[3:]])
def test_refused_digests(digest):
    with pytest.raises(UsageError, match="artifact digest"):
        artifact_key(digest)


def test_a_form_that_there_is_not():
    with pytest.raises(UsageError, match="'zip'"):
        artifact_key(DIGEST, form="zip")  # type: ignore[arg-type]


def test_it_needs_neither_boto3_nor_the_cdk():
    code = (
        "import sys; from cdk_modelbuilder.publishing import artifact_key; "
        "print({'boto3', 'botocore', 'aws_cdk'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
