"""Checks of what local mode and deployment need, each with the command that mends what it finds.

A check is a value (:class:`~cdk_modelbuilder.local.doctor.check.Check`) in the table of
:mod:`~cdk_modelbuilder.local.doctor.registry`; what it finds are values too
(:class:`~cdk_modelbuilder.local.doctor.finding.Finding`). One file a subject.
"""
