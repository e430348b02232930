-- a copy must not go on with what the original is at: pause its jobs, run no action on completion
UPDATE batch_job
   SET state = CASE WHEN state IN ('pending', 'running') THEN 'paused' ELSE state END,
       ready = false,
       wake_at = NULL
 WHERE state IN ('pending', 'running')
    OR ready
    OR (finished_at IS NOT NULL AND wake_at IS NOT NULL);
DELETE FROM batch_chunk
 WHERE kind = 'callback'
   AND state <> 'done';

-- and tell nobody of it
UPDATE batch_webhook
   SET active = false;
UPDATE batch_delivery
   SET state = 'failed',
       next_at = NULL
 WHERE state = 'pending';
