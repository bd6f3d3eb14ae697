import inflect


def finish(value):
    return inflect.engine().number_to_words(value)
