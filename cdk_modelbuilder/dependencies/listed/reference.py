"""Addresses in requirements: no secrets in them, and the same content at every visit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from cdk_modelbuilder.errors import UsageError

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1, or git's newer object format with SHA-256
_VARIABLES = re.compile(r"(\$\{[A-Z0-9_]+\}:?)+")
_SECRET_WORDS = re.compile(
    r"pass(word|wd)?|secret|signature|sig|token|apikey|.*[-_](key|token|secret|signature)", re.IGNORECASE
)
_USER_INFO = re.compile(r"(?<=://)[^/\s]*@(?=[^/\s])")
_QUERY = re.compile(r"(?<=[?&])([^=&#\s]+)=[^&#\s]+")
_FORGOTTEN = ("bzr", "hg", "svn")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class Reference:
    """An address, taken apart.

    Attributes:
        url: Without ``#egg=``; ``#subdirectory=`` and ``#sha256=`` stay.
        egg: What ``#egg=`` names, such as ``x[full]``; empty without one.
    """

    url: str
    egg: str

    @property
    def is_vcs(self) -> bool:
        """Whether it names a commit of a repository."""
        return self.url.lower().startswith("git+")

    @property
    def file_name(self) -> str:
        """The last part of the path: the archive's name."""
        return unquote(urlsplit(self.url).path.rpartition("/")[2])

    @property
    def has_hash(self) -> bool:
        """Whether the address itself says what the content is."""
        return self.is_vcs or re.search(r"#(.*&)?sha(256|384|512)=", self.url) is not None


def shown(line: str) -> str:
    """``line`` for a message: quoted, without what may be a secret.

    >>> shown("--index-url https://me:secret@host/simple")
    "'--index-url https://***@host/simple'"
    """
    return repr(redacted(line))


def redacted(text: str) -> str:
    """``text`` without what may be a secret."""
    bare = _USER_INFO.sub(lambda found: found[0] if _is_public(found[0].removesuffix("@")) else "***@", text)
    return _QUERY.sub(lambda part: f"{part[1]}=***" if _SECRET_WORDS.fullmatch(part[1]) else part[0], bare)


def _is_public(user: str) -> bool:
    return user == "git" or _VARIABLES.fullmatch(user) is not None


def check_no_credentials(url: str, place: str) -> None:
    """A file that is committed and shipped is no place for a password; ``${VARIABLE}`` is none, as pip expands it.

    Raises:
        UsageError: The address holds a user, a password or a token.
    """
    try:
        parts = urlsplit(url)
        user, has_user, _ = parts.netloc.rpartition("@")
        names = [name for name, value in parse_qsl(parts.query) if not _VARIABLES.fullmatch(value)]
    except ValueError as error:
        raise UsageError(
            f"{place}: {shown(url)} is no address: {error}.", remedy="Write it as https://host/path."
        ) from None
    is_login = parts.scheme.endswith("ssh") and ":" not in user  # who, but not a secret
    is_secret = bool(has_user) and not is_login and not _is_public(user)
    if is_secret or any(_SECRET_WORDS.fullmatch(name) for name in names):
        raise UsageError(
            f"{place}: {shown(url)} holds credentials, and it would be written into the bundle.",
            remedy="Take them out: use ${VARIABLE} in their place, a netrc file, or pip's keyring.",
        )


def read_reference(url: str, place: str) -> Reference:
    """Take an address apart, and make sure that it can be kept.

    A branch or a tag moves, and the same bundle would hold other code tomorrow; so a repository is named with a whole
    commit. (What pip takes: https://pip.pypa.io/en/stable/topics/vcs-support/)

    Raises:
        UsageError: It holds credentials, names no commit, or is of a kind that is not taken.
    """
    check_no_credentials(url, place)
    address, _, fragment = url.partition("#")
    kept = [part for part in fragment.split("&") if part and not part.startswith("egg=")]
    egg = next((unquote(part[4:]) for part in fragment.split("&") if part.startswith("egg=")), "")
    reference = Reference(address + ("#" + "&".join(kept) if kept else ""), egg)
    scheme = address.partition("://")[0].lower()
    system = scheme.partition("+")[0]
    if system in _FORGOTTEN and "+" in scheme:
        raise UsageError(
            f"{place}: {shown(url)} is in a repository that is not git.",
            remedy="Build a wheel of it (python -m pip wheel --no-deps ...) and list the wheel's path.",
        )
    if system == "git":
        _check_commit(address, url, place)
    elif scheme not in ("http", "https"):
        raise UsageError(
            f"{place}: {shown(url)} is no address that a container can reach.",
            remedy="Name a wheel file by its path, an https:// archive, or git+https://...@<commit>.",
        )
    return reference


def _check_commit(address: str, url: str, place: str) -> None:
    if not address.lower().startswith("git+") or address.lower().startswith("git+file:"):
        raise UsageError(
            f"{place}: {shown(url)} is no repository that a container can reach.",
            remedy="Write git+https://host/path@<commit> (or git+ssh://git@host/path@<commit>).",
        )
    _, at, revision = urlsplit(address).path.rpartition("@")
    if at and _COMMIT.fullmatch(revision.lower()):
        return
    where = address.removeprefix("git+").removesuffix(f"@{revision}" if at else "")
    said = f"names {revision!r}, which can move" if at else "names no commit"
    raise UsageError(
        f"{place}: {shown(url)} {said}; the same bundle would hold other code another day.",
        remedy="Write @ and the commit's 40 hex digits, which this says: "
        f"git ls-remote {redacted(where)} {revision if at else 'HEAD'}",
    )
