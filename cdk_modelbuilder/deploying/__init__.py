"""Deploying a bundle to SageMaker: a generated CDK app, run by the CDK CLI, followed to the last log line.

    Account ──▶ key in its secret ──▶ app in .cdk-modelbuilder/<name> ──▶ cdk deploy ──▶ Predictor
                                                                            │
                                      stack events, endpoint's log  ◀───────┘  and, if it fails, the cause

Imported when ``deploy()`` is asked for an endpoint: it needs boto3, and the app that it runs needs the CDK.
"""
