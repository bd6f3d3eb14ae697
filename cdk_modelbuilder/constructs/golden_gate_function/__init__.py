"""The code of one Lambda function, shipped as it is. This file is not part of it."""
