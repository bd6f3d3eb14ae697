"""How models without one usual way to call them are called.

These files are used when a bundle is built, for the prediction in memory, and travel into it as a part of the inference
code, where the template includes them. So they are written for Python 3.8, import nothing but ``typing`` at the top,
and hold nothing that Jinja reads.
"""
