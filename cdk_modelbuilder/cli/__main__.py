"""``python -m cdk_modelbuilder.cli``: the command line without the console script."""

from cdk_modelbuilder.cli.root_command import main

main()
