"""How much one step of a walk through a job's chunks takes on."""


def take_some(chunks: list[dict], most: int) -> tuple[list[dict], list[dict]]:
    """The first of these rows of chunks, up to so many records but at least one chunk, and the others.

    :param chunks: dicts with `record_count`
    """
    records = 0
    for place, chunk in enumerate(chunks):
        records += max(chunk["record_count"], 1)
        if records > most and place:
            return chunks[:place], chunks[place:]
    return chunks, []
