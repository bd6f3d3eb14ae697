"""The parts of a trial: an interpreter, a fresh environment, the model's run in it, and which packages that used."""
