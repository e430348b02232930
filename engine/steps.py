"""Limits the work of one step through the chunks of a job."""


def take_some(chunks: list[dict], most: int) -> tuple[list[dict], list[dict]]:
    """Split rows of chunks: the first ones with at most `most` records in all, but at least one chunk, and the others.

    :param chunks: dicts with `record_count`; a chunk without records counts as one
    :returns: `(first chunks, other chunks)`
    """
    records = 0
    for place, chunk in enumerate(chunks):
        records += max(chunk["record_count"], 1)
        if records > most and place:
            return chunks[:place], chunks[place:]
    return chunks, []
