"""Words why a value was chosen, and what else is worth knowing of a choice."""

from __future__ import annotations

from cdk_modelbuilder.language_models.fitting import MOST_SEQUENCES, Case


def why_sequences(case: Case, sequences: int, held: int, tokens: int) -> str:
    """Why so many sequences at a time."""
    if not case.rules.generates:
        return "enough texts for a batch, which its tokens limit too"
    holds = f"the cache holds {held} requests of {tokens} tokens"
    return f"{holds}; more than {MOST_SEQUENCES} wait in the queue" if sequences == MOST_SEQUENCES else holds


def why_step(case: Case) -> str:
    """Why so many tokens a step."""
    if case.rules.prefills_whole:
        return f"{case.rules.title} is reckoned to compute a whole prompt in one step"
    if not case.rules.generates:
        return "the server's default, and no less than the longest text"
    return "vLLM's default for this size of accelerator; longer prompts are computed in several steps"


def notes_on(case: Case, degree: int) -> tuple[str, ...]:
    """What is wasted, not counted or missing."""
    notes, count = [], 0 if case.devices is None else case.devices.count
    if count > degree and case.rules.name == "djl_serving":
        notes.append(f"LMI runs {count // degree} copies of the model on {count} accelerators.")
    elif count > degree:
        notes.append(f"{count - degree} of {count} accelerators stay unused; take a smaller instance type.")
    if case.facts.architecture.parts:
        parts = " and ".join(case.facts.architecture.parts)
        notes.append(f"the {parts} part is counted whole on each accelerator; what it computes with is not counted.")
    if case.rules.generates and not case.facts.has_chat_template:
        notes.append("the files have no chat template: completions work, chats need one.")
    return tuple(notes)
