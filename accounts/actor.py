"""Who acts: one frozen value, made anew for every request and handed to every service."""

from dataclasses import dataclass, field, replace

from accounts.models import Person, SignIn, Taxpayer
from accounts.models.signins import Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, for whom, with what rights, from where. A visitor has no person.

    `taxpayer` is for whom he acts and `via` the agency through which he does. `functions` are codes of the function
    tree. `is_lead`: he is legal representative or finance officer by the register (D31). `is_manager`: 管理权限 (D8).
    `holds_reset`: his password is in the 111111 state, and only changing it is allowed (D10). `old_passwords`: those of
    his that the policy asks him to change (D12). `holds_printed`: his firm's enterprise password is the one that the
    counter printed, and as legal representative or finance officer he must change it first (D22).
    """

    person: Person | None = None
    taxpayer: Taxpayer | None = None
    via: Taxpayer | None = None
    functions: frozenset[str] = field(default_factory=frozenset)
    is_lead: bool = False
    is_manager: bool = False
    holds_reset: bool = False
    old_passwords: frozenset[str] = field(default_factory=frozenset)
    holds_printed: bool = False
    position: str = ""
    sign_in: SignIn | None = None
    ip: str | None = None
    request_id: str = ""
    browser: str = ""

    @property
    def proof(self) -> str:
        """What proved who he is; empty for a visitor."""
        return self.sign_in.proof if self.sign_in else ""

    @property
    def is_acting(self) -> bool:
        """Whether he acts through an agency for its client: then nothing of the client's own people is open (D23)."""
        return self.via is not None

    @property
    def as_signed_in(self) -> "Actor":
        """Whoever acts for a client, as he signed in: at work in the agency itself, without rights there.

        What concerns his own sign-ins is done so: it is none of the client's business.
        """
        return replace(self, taxpayer=self.via, via=None, functions=frozenset()) if self.via is not None else self

    @property
    def is_officer(self) -> bool:
        """Whether he is a tax officer who came in by the officers' door, and so by nothing else (CFG-05)."""
        return self.person is not None and self.person.is_staff and self.proof == Proof.OFFICER_SMS

    @property
    def capacity(self) -> str:
        """A word that differs whenever person, sign-in, taxpayer or agency do: forms carry it (see etax.middleware)."""
        if self.sign_in is None:
            return ""
        parts = (self.sign_in.uid, self.taxpayer.uid if self.taxpayer else "", self.via.uid if self.via else "")
        return "/".join(str(part) for part in parts)

    def holds(self, function: str) -> bool:
        """Whether he holds this function (D7)."""
        return function in self.functions
