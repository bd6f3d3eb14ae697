"""Two cloud assemblies (``cdk.out`` folders): what CloudFormation will do, resource by resource."""
