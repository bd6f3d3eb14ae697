"""Stands in for GitHub's CLI: keeps the comments of one pull request in a file, and knows the calls that we make.

    gh api --paginate repos/OWNER/NAME/issues/7/comments --jq FILTER
    gh api --silent --method POST repos/OWNER/NAME/issues/7/comments --field body=@FILE
    gh api --silent --method PATCH repos/OWNER/NAME/issues/comments/ID --field body=@FILE

Anything else ends it with 99. The filter is jq's; it is run by jq where that is installed, and read here in any case.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

FILTER = re.compile(
    r'\.\[\] \| select\(\.user\.login == "([^"]+)" and \(\.body \| startswith\("([^"]+)"\)\)\) \| \.id', re.DOTALL
)
COMMENTS = "repos/owner/name/issues/7/comments"


def main(words: list[str]) -> int:
    state = Path(os.environ["FAKE_GH_STATE"])
    if os.environ.get("GH_TOKEN") != "the job's token":
        return fail("no token")
    comments = json.loads(state.read_text())
    if words[:3] == ["api", "--paginate", COMMENTS] and words[3] == "--jq" and len(words) == 5:
        return list_ids(comments, words[4])
    if words[:3] != ["api", "--silent", "--method"] or words[5] != "--field" or not words[6].startswith("body=@"):
        return fail(f"unknown call {words}")
    method, url, body = words[3], words[4], Path(words[6].removeprefix("body=@")).read_text("utf-8")
    if len(body) > 65536:
        return fail("HTTP 422: body is too long (maximum is 65536 characters)")
    if method == "POST" and url == COMMENTS:
        comments.append({"id": 100 + len(comments), "user": {"login": "github-actions[bot]"}, "body": body})
    elif method == "PATCH" and (found := re.fullmatch(r"repos/owner/name/issues/comments/(\d+)", url)):
        (comment,) = [comment for comment in comments if comment["id"] == int(found.group(1))]
        comment["body"] = body
    else:
        return fail(f"unknown call {words}")
    state.write_text(json.dumps(comments))
    return 0


def list_ids(comments: list[dict], expression: str) -> int:
    found = FILTER.fullmatch(expression)
    if found is None:
        return fail(f"the filter {expression!r} is not one that is read here")
    login, start = found.groups()
    ids = [str(item["id"]) for item in comments if item["user"]["login"] == login and item["body"].startswith(start)]
    if shutil.which("jq"):
        done = subprocess.run(["jq", "-r", expression], input=json.dumps(comments), capture_output=True, text=True)
        if done.returncode != 0 or done.stdout.split() != ids:
            return fail(f"jq says {done.stdout or done.stderr}")
    sys.stdout.write("".join(f"{one}\n" for one in ids))
    return 0


def fail(why: str) -> int:
    sys.stderr.write(f"gh: {why}\n")
    return 99


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
