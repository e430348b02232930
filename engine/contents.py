"""What a job consists of, summed up: the numbers of operations and records for each type and model."""

#: Most entries of a summary.
MOST_ENTRIES = 20


def sum_up(operations, earlier=()) -> list[list]:
    """Sum up operations by type and model.

    :param operations: parsed `Operation`s
    :param earlier: the summary of the operations that the job has already
    :returns: lists of `[type, model, operations, records]`, most records first; records of a selection are not known yet
    """
    sums = {(kind, model): [count, records] for kind, model, count, records in earlier}
    for operation in operations:
        entry = sums.setdefault((operation.type, operation.model), [0, 0])
        entry[0] += 1
        entry[1] += operation.record_count
    entries = [[*key, *counts] for key, counts in sums.items()]
    entries.sort(key=lambda entry: entry[3], reverse=True)
    return entries[:MOST_ENTRIES]
