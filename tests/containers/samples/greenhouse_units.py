"""The helper module of greenhouse.py."""


def fahrenheit(celsius):
    return celsius * 9 / 5 + 32
