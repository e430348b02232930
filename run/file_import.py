"""Import a file: what the routes of files call. The file is read by `file_importer.py`."""

import hashlib

from odoo.exceptions import UserError

from ..engine import states
from ..engine.payload import dumps
from ..exceptions import ParameterError
from .access import check_submitter
from .change import lock_for_change
from .file_importer import Importer, known_model
from .limits import check_unfinished_jobs
from .new_job import begin, create_job, summary_columns
from .submission import Submission
from .trust import find_action
from .upload import MIB
from .wake import wake_early


def check_import(env, parameters, problems):
    """Check the parameters of an import, before its file is there.

    :param env: the caller's environment
    :param FileParameters parameters: as parsed
    :param Problems problems: of parsing; more are added
    :raises ParameterError: with all problems at once
    :raises BatchValidationError: nothing can be submitted: there is no such model, or the caller has too many jobs
    :raises AccessError: the caller is no batch user
    """
    submission = Submission(env)
    submission.read_options(parameters.options)
    problems.extend(submission.problems)
    refuse_parameters(submission.env, problems)
    check_unfinished_jobs(submission.env, submission.problems)
    known_model(submission.env, parameters, submission.problems)
    submission.refuse()


def refuse_parameters(env, problems):
    """Refuse a request for its parameters.

    :raises ParameterError: there are problems
    """
    if problems:
        raise ParameterError.from_problems(env, problems)


def import_file(env, file, parameters):
    """Store a file as a job, and wake the lanes unless it is a draft.

    :param env: the caller's environment
    :param file: binary file
    :param FileParameters parameters: what it is, and the options of the submission
    :returns: `(job, is_duplicate)`, as `submission.submit`
    :raises BatchValidationError: with all problems at once; nothing is stored
    :raises AccessError: the caller is no batch user
    :raises ConcurrencyError: see `submission.submit`
    """
    submission = Submission(env)
    wanted = submission.read_options(parameters.options)
    fingerprint = None
    if wanted.idempotency_key:
        fingerprint = _fingerprint(file, parameters)
        if job := submission.find_duplicate(wanted.idempotency_key, fingerprint):
            return job, True
    action = find_action(submission.env, wanted.on_complete, submission.problems)
    check_unfinished_jobs(submission.env, submission.problems)
    submission.refuse()
    with Importer(submission.env, file, parameters) as importer:
        importer.read_all()
        if not wanted.draft and not wanted.run_at:
            wake_early(submission.env, importer.first_operations(), wanted.max_concurrency)
        job = create_job(submission.env, wanted, fingerprint, action, importer.contents)
        importer.store_in(job)
    begin(submission.env, job, wanted)
    return job.with_env(submission.env), False


def append_file(env, job, file, parameters):
    """Add the records of a file to a draft.

    :param env: the caller's environment
    :param job: the draft, in the caller's environment
    :param file: binary file
    :param FileParameters parameters: what it is
    :raises BatchValidationError: with all problems at once; nothing is added
    :raises AccessError: the caller is not its submitter
    :raises UserError: the job is no draft
    """
    check_draft(job)
    draft = lock_for_change(job, (states.DRAFT,), env._("Only a draft takes more operations."))
    with Importer(env, file, parameters, draft) as importer:
        importer.read_all()
        draft.write(summary_columns(env, importer.contents))
        importer.store_in(draft)


def check_draft(job):
    """Check that the caller may append to a job, without locking it.

    :raises AccessError: the caller is not its submitter
    :raises UserError: it is no draft
    """
    check_submitter(job)
    if job.state != states.DRAFT:
        raise UserError(job.env._("Only a draft takes more operations."))


def _fingerprint(file, parameters):
    """A hash of a file, and of what is to be done with it."""
    digest = hashlib.sha256(dumps(parameters.described(), sort_keys=True).encode())
    file.seek(0)
    while block := file.read(MIB):
        digest.update(block)
    return digest.hexdigest()
