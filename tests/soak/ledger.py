"""What took effect on partners, written down by PostgreSQL itself: triggers note it in the transaction that does it."""

from collections import Counter

#: What is noted of a record besides the values of its field `function`.
CREATED, DELETED = "created", "deleted"
#: A value of `function` with which creating a record never ends.
ENDLESS = "endless"
TRIGGERS = """
    CREATE TABLE IF NOT EXISTS soak_effect (ref text NOT NULL, what text NOT NULL);
    CREATE INDEX IF NOT EXISTS soak_effect_ref ON soak_effect (ref text_pattern_ops);
    CREATE OR REPLACE FUNCTION soak_note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(PACE);
        IF TG_OP = 'INSERT' THEN
            IF NEW.function = 'endless' THEN
                PERFORM pg_sleep(600);
            END IF;
            INSERT INTO soak_effect VALUES (NEW.ref, 'created');
        ELSIF TG_OP = 'UPDATE' THEN
            INSERT INTO soak_effect VALUES (NEW.ref, coalesce(NEW.function, ''));
        ELSE
            INSERT INTO soak_effect VALUES (OLD.ref, 'deleted');
        END IF;
        RETURN NULL;
    END$$;
    CREATE OR REPLACE TRIGGER soak_created AFTER INSERT ON res_partner FOR EACH ROW
        WHEN (NEW.ref LIKE 'soak-%') EXECUTE FUNCTION soak_note();
    CREATE OR REPLACE TRIGGER soak_updated AFTER UPDATE ON res_partner FOR EACH ROW
        WHEN (NEW.ref LIKE 'soak-%' AND NEW.function IS DISTINCT FROM OLD.function) EXECUTE FUNCTION soak_note();
    CREATE OR REPLACE TRIGGER soak_deleted AFTER DELETE ON res_partner FOR EACH ROW
        WHEN (OLD.ref LIKE 'soak-%') EXECUTE FUNCTION soak_note();
"""


class Ledger:
    """Reads what was noted.

    :param cluster: the PostgreSQL server
    :param pace_s: seconds that each effect takes, so that workers are killed in the middle of chunks
    """

    def __init__(self, cluster, pace_s):
        self.sql = cluster.sql
        self.sql(TRIGGERS.replace("PACE", str(pace_s)))

    def effects(self, name):
        """How often what took effect on the records of a story: (ref, what) -> times."""
        rows = self.sql("SELECT ref, what, count(*) FROM soak_effect WHERE ref LIKE %s GROUP BY ref, what", f"{name}-%")
        return Counter({(ref, what): times for ref, what, times in rows})

    def partners(self, name):
        """The partners of a story that are there: ref -> id."""
        return dict(self.sql("SELECT ref, id FROM res_partner WHERE ref LIKE %s", f"{name}-%"))

    def forget(self, name):
        """Forget a story, whose effects were compared; returns how many they were."""
        rows = self.sql("WITH gone AS (DELETE FROM soak_effect WHERE ref LIKE %s RETURNING 1) SELECT count(*) FROM gone", f"{name}-%")
        return rows[0][0]

    def left(self):
        """Names of records with effects that no story has claimed."""
        return [ref for (ref,) in self.sql("SELECT DISTINCT ref FROM soak_effect ORDER BY ref LIMIT 20")]
