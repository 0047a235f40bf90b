"""Is one picture an edited copy of another? Local features, geometry, aligned pixels, relation."""

from imagededup.verification.relation import Relation
from imagededup.verification.verdict import Verdict
from imagededup.verification.verify import verify

__all__ = ["Relation", "Verdict", "verify"]
