"""Statements of policies: what lets somebody do more is marked, and what does not is not."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.comparing import Mark
from cdk_modelbuilder.comparing.assemblies.permission_changes import compare_permissions
from cdk_modelbuilder.comparing.assemblies.policies import matches
from cdk_modelbuilder.comparing.assemblies.resource_changes import compare_resources
from cdk_modelbuilder.comparing.report import ABSENT, Change, Group
from tests.comparing.stacks import template

ONE, TWO = "a" * 64, "b" * 64
ROLE = {"Type": "AWS::IAM::Role", "Properties": {}}


def policy(*statements: Any, name: str = "Policy", roles: tuple[str, ...] = ("Role",)) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    properties = {"PolicyDocument": document, "Roles": [{"Ref": role} for role in roles]}
    return {name: {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}}


def allow(action: Any, resource: Any = "arn:x", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "arn:x", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def compared(old: dict[str, Any], new: dict[str, Any], account: str = "") -> list[Group]:
    return compare_permissions(
        compare_resources(template({"Role": ROLE, **old}), template({"Role": ROLE, **new})), account
    )


def lines(old: list[Any], new: list[Any]) -> list[Change]:
    return [change for group in compared(policy(*old), policy(*new)) for change in group.changes]


def is_wider(old: list[Any], new: list[Any]) -> bool:
    return any(Mark.WIDENED in line.marks for line in lines(old, new))


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ([], [allow("s3:GetObject")]),
        ([allow("s3:GetObject")], [allow(["s3:GetObject", "s3:PutObject"])]),
        ([allow("s3:GetObject", "arn:a")], [allow("s3:GetObject", ["arn:a", "arn:b"])]),
        ([allow("s3:GetObject", "arn:a")], [allow("s3:GetObject", "arn:*")]),
        ([allow("s3:GetObject")], [allow("s3:*")]),
        ([allow("s3:GetObject", Condition={"StringEquals": {"k": "v"}})], [allow("s3:GetObject")]),
        (
            [allow("s3:GetObject", Condition={"StringEquals": {"k": "v"}})],
            [allow("s3:GetObject", Condition={"StringEquals": {"k": ["v", "w"]}})],
        ),
        (
            [allow("s3:GetObject", Condition={"StringEquals": {"k": "v"}, "Bool": {"b": "true"}})],
            [allow("s3:GetObject", Condition={"StringEquals": {"k": "v"}})],
        ),
        ([deny("s3:DeleteObject")], []),
        ([deny(["s3:DeleteObject", "s3:PutObject"])], [deny("s3:PutObject")]),
        ([deny("s3:PutObject", "arn:*")], [deny("s3:PutObject", "arn:x")]),
        ([deny("s3:PutObject")], [deny("s3:PutObject", Condition={"Bool": {"aws:SecureTransport": "false"}})]),
        (
            [allow("s3:GetObject", "arn:a"), allow("s3:PutObject", "arn:b")],
            [allow(["s3:GetObject", "s3:PutObject"], ["arn:a", "arn:b"])],
        ),
    ],
)
def test_wider_in_one_direction_and_not_in_the_other(less, more):
    assert is_wider(less, more)
    assert lines(more, less)
    assert not is_wider(more, less)
    assert not lines(less, less)
    assert not lines(more, more)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Named, written, cut into pieces otherwise.
        ([allow("s3:GetObject", Sid="A")], [allow(["s3:GetObject"], ["arn:x"], Sid="B")]),
        ([allow(["a:B", "a:C"])], [allow("a:B"), allow("a:C")]),
        ([allow("a:B"), allow("a:C")], [allow("a:C"), allow("a:B")]),
        # Within what a pattern allowed already.
        ([allow("s3:Get*", "arn:*")], [allow("s3:GetObject", "arn:x")]),
        ([allow("S3:getobject")], [allow("s3:GetObject")]),
    ],
)
def test_the_same_in_other_words_is_not_wider(old, new):
    assert not is_wider(old, new)


@pytest.mark.parametrize(
    "odd",
    [
        {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:x"},
        {"Effect": {"Fn::If": ["C", "Allow", "Deny"]}, "Action": "s3:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Condition": "odd"},
        "no statement",
        None,
    ],
)
def test_where_nobody_can_tell_the_safe_side_is_said(odd):
    assert is_wider([], [odd])
    assert not lines([odd], [odd])
    assert lines([odd], [])


def test_another_artifact_in_the_same_place_follows():
    old = [allow("s3:GetObject", f"arn:aws:s3:::bucket/{ONE}.gz", Sid="ReadModel")]
    new = [allow("s3:GetObject", f"arn:aws:s3:::bucket/{TWO}.gz", Sid="ReadModel")]
    (line,) = lines(old, new)
    assert (line.marks, line.note) == ((Mark.FOLLOWS,), "another artifact in the same place")


@pytest.mark.parametrize(
    "new",
    [
        allow("s3:GetObject", f"arn:aws:s3:::other/{TWO}.gz", Sid="R"),
        allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::bucket/{TWO}.gz", Sid="R"),
        allow("s3:GetObject", [f"arn:aws:s3:::bucket/{ONE}.gz", f"arn:aws:s3:::bucket/{TWO}.gz"], Sid="R"),
        allow("s3:GetObject", [f"arn:aws:s3:::bucket/{TWO}.gz", f"arn:aws:s3:::bucket/{'c' * 64}.gz"], Sid="R"),
    ],
)
def test_what_hides_behind_another_artifact_does_not_follow(new):
    old = allow("s3:GetObject", f"arn:aws:s3:::bucket/{ONE}.gz", Sid="R")
    assert is_wider([old], [new])


def test_a_condition_that_goes_with_another_artifact_does_not_follow():
    condition = {"Condition": {"StringEquals": {"k": "v"}}}
    old = allow("s3:GetObject", f"arn:aws:s3:::bucket/{ONE}.gz", Sid="R", **condition)
    new = allow("s3:GetObject", f"arn:aws:s3:::bucket/{TWO}.gz", Sid="R")
    found = {line.what: line.marks for line in lines([old], [new])}
    assert found["statement \x02R\x03: condition"] == (Mark.WIDENED,)


def test_a_statement_that_moves_to_another_policy_of_the_role_is_not_wider():
    old = policy(allow("s3:GetObject"), allow("s3:PutObject"))
    new = {**policy(allow("s3:GetObject")), **policy(allow("s3:PutObject"), name="Second")}
    marks = [mark for group in compared(old, new) for change in group.changes for mark in change.marks]
    assert marks == []
    elsewhere = {**policy(allow("s3:GetObject")), **policy(allow("s3:PutObject"), name="Second", roles=("Stranger",))}
    marks = [mark for group in compared(old, elsewhere) for change in group.changes for mark in change.marks]
    assert marks == [Mark.WIDENED]


def test_a_policy_that_is_called_by_its_content_is_one_that_changed():
    old = policy(allow("s3:GetObject"), allow("logs:PutLogEvents"), name="HomesAccess0a831948FD566971")
    new = policy(allow("s3:GetObject"), allow("logs:*"), name="HomesAccesseea354ae46473FE3")
    (group,) = compared(old, new)
    assert group.title.startswith("\x02HomesAccesseea354ae46473FE3\x03")
    assert [(change.old, change.new, change.marks) for change in group.changes] == [
        ("logs:PutLogEvents", ABSENT, ()),
        (ABSENT, "logs:*", (Mark.WIDENED,)),
    ]


def bucket_policy(*statements: Any) -> dict[str, Any]:
    document = {"Statement": list(statements)}
    return {"P": {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": "b", "PolicyDocument": document}}}


def test_everybody_is_marked():
    reader = allow("s3:GetObject", Principal={"AWS": "arn:aws:iam::1:role/r"})
    everybody = allow("s3:GetObject", Principal="*")
    (group,) = compared(bucket_policy(reader), bucket_policy(reader, everybody))
    (line,) = group.changes
    assert (line.marks, line.note) == ((Mark.WIDENED, Mark.SECURITY), "for everybody")
    both = {**reader, "Principal": {"AWS": ["arn:aws:iam::1:role/r", "*"]}}
    (group,) = compared(bucket_policy(reader), bucket_policy(both))
    (line,) = group.changes
    assert (line.marks, line.note) == ((Mark.SECURITY, Mark.WIDENED), "for everybody")
    tls = deny("s3:*", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    assert not [mark for group in compared({}, bucket_policy(tls)) for line in group.changes for mark in line.marks]


def test_a_new_key_that_is_left_to_its_account_lets_nobody_do_more():
    def key(account: Any) -> dict[str, Any]:
        root = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::", account, ":root"]]}
        document = {"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": root}}]}
        return {"Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": document}}}

    def marks(account: Any) -> tuple[Mark, ...]:
        (group,) = compared({}, key(account), account="123456789012")
        return group.changes[0].marks

    assert marks("123456789012") == ()
    assert marks({"Ref": "AWS::AccountId"}) == ()
    assert marks("210987654321") == (Mark.WIDENED,)
    assert not compared(key("123456789012"), {})  # with the key, all that may be done with it is gone


def test_lambda_permissions_are_statements():
    def permission(**more: Any) -> dict[str, Any]:
        given = {
            "Action": "lambda:InvokeFunction",
            "FunctionName": {"Ref": "F"},
            "Principal": "s3.amazonaws.com",
            **more,
        }
        return {"P": {"Type": "AWS::Lambda::Permission", "Properties": given}}

    (group,) = compared({}, permission(Principal="*"))
    assert group.changes[0].marks == (Mark.WIDENED, Mark.SECURITY)
    (group,) = compared(permission(SourceArn="arn:a"), permission())
    assert group.changes[0].marks == (Mark.WIDENED,)
    assert "condition" in group.changes[0].what


def test_managed_policies_boundaries_and_trust():
    def role(**properties: Any) -> dict[str, Any]:
        return {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}

    trust = {
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "a.amazonaws.com"}}]
    }
    wider = {"Statement": [{**trust["Statement"][0], "Principal": {"Service": ["a.amazonaws.com", "b.amazonaws.com"]}}]}
    (group,) = compared(role(), role(ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]))
    assert group.changes[0].marks == (Mark.WIDENED,)
    (group,) = compared(role(PermissionsBoundary="arn:b"), role())
    assert (group.changes[0].old, group.changes[0].new, group.changes[0].marks) == ("arn:b", ABSENT, (Mark.WIDENED,))
    (group,) = compared(role(AssumeRolePolicyDocument=trust), role(AssumeRolePolicyDocument=wider))
    assert group.title.endswith(", who may take on the role")
    (line,) = group.changes
    assert (line.new, line.marks) == ("Service:b.amazonaws.com", (Mark.WIDENED,))
    (group,) = compared(policy(allow("a:B")), policy(allow("a:B"), roles=("Role", "Other")))
    assert (group.changes[0].what, group.changes[0].new) == ("is for the role", "${Other}")


def test_conditions_can_turn_a_statement_only_to_be_narrower():
    old = allow("a:B", Condition={"StringNotEquals": {"k": ["v"]}})
    new = allow("a:B", Condition={"StringNotEquals": {"k": ["v", "w"]}})
    assert is_wider([new], [old])
    assert is_wider([old], [new])  # which of two negations asks for more is not looked into


PATTERNS = st.text(alphabet="ab*?", max_size=8)


@given(pattern=PATTERNS, text=st.text(alphabet="ab", max_size=8))
def test_patterns_match_as_wild_cards_do(pattern, text):
    assert matches(pattern, text) == fnmatchcase(text, pattern)


@given(wide=PATTERNS, narrow=PATTERNS, text=st.text(alphabet="ab", max_size=6))
def test_a_pattern_that_covers_another_means_all_that_it_means(wide, narrow, text):
    if matches(wide, narrow) and fnmatchcase(text, narrow):
        assert fnmatchcase(text, wide)


def test_long_patterns_take_no_time():
    assert not matches("*a" * 500 + "b", "a" * 2000)


ATOMS = st.lists(
    st.builds(
        allow,
        st.lists(st.sampled_from(["a:B", "a:C", "a:*"]), min_size=1, max_size=2),
        st.lists(st.sampled_from(["arn:x", "arn:y", "arn:*"]), min_size=1, max_size=2),
    ),
    max_size=3,
)


@given(old=ATOMS, new=ATOMS)
def test_wider_means_that_something_is_allowed_that_was_not(old, new):
    def allowed(statements: list[dict[str, Any]]) -> set[tuple[str, str]]:
        """What of two actions and another, on two resources and another, may be done."""
        return {
            (action, resource)
            for action in ("a:B", "a:C", "a:D")
            for resource in ("arn:x", "arn:y", "arn:z")
            for statement in statements
            if any(fnmatchcase(action, own) for own in statement["Action"])
            and any(fnmatchcase(resource, own) for own in statement["Resource"])
        }

    gained = allowed(new) - allowed(old)
    if gained:
        assert is_wider(old, new)
    if is_wider(old, new) and not gained:
        # Only where several statements together cover what one wild card says.
        assert any("*" in text for statement in new for text in (*statement["Action"], *statement["Resource"]))
