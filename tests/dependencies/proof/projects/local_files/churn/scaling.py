def scale(value, factors):
    return value * factors["slope"]
