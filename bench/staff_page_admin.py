"""The portal's addresses, and beside them Django's own admin with a changelist of the staff list's columns.

`simple` is a changelist as it is usually written: related people are selected, everything else is asked for once a row.
`tuned` is as good as an admin gets without templates of its own: no query is made for a single row.
"""

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import path

from accounts.models import SignIn
from etax import urls as portal
from etax.views import phone
from realname.models import Post
from staff.members import PAGE_SIZE, Row, rich, row_with
from staff.models import Membership

handler400, handler403, handler404, handler500 = (
    portal.handler400,
    portal.handler403,
    portal.handler404,
    portal.handler500,
)


class SimpleAdmin(admin.ModelAdmin):
    """The memberships, newest first, with what 企业人员维护 shows of each."""

    list_display = ("masked_name", "position", "phone", "identity_names", "state", "last_sign_in")
    list_per_page = PAGE_SIZE
    list_select_related = ("person",)
    ordering = ("-pk",)

    def get_row(self, membership: Membership) -> Row:
        """What the portal shows of him, by one query for all his columns."""
        if not hasattr(membership, "row"):
            posts = Post.objects.open().filter(taxpayer=membership.taxpayer_id, person=membership.person_id)
            membership.row = row_with(membership, tuple(posts))
        return membership.row

    @admin.display(description="姓名", ordering="person__name")
    def masked_name(self, membership: Membership) -> str:
        """王*敏."""
        return membership.person.masked_name

    @admin.display(description="职务")
    def position(self, membership: Membership) -> str:
        """His position by the register."""
        return str(self.get_row(membership).position)

    @admin.display(description="手机号码")
    def phone(self, membership: Membership) -> str:
        """His phone on file, masked."""
        phone = self.get_row(membership).phone
        return phone.masked if phone.number else "不可用"

    @admin.display(description="权限身份")
    def identity_names(self, membership: Membership) -> str:
        """The names of his identities."""
        return "、".join(identity.name for identity in membership.identities.all())

    @admin.display(description="状态")
    def state(self, membership: Membership) -> str:
        """Frozen, expired, unknown to the register, or normal; and whether he is bound."""
        if not self.get_row(membership).is_registered:
            state = "与税务登记不符"
        elif membership.is_frozen:
            state = "已冻结"
        else:
            state = "已到期" if membership.is_expired else "正常"
        return f"{state} 已绑定" if membership.is_bound else state

    @admin.display(description="上次登录")
    def last_sign_in(self, membership: Membership) -> object:
        """When he last signed in for this firm."""
        sign_ins = SignIn.objects.filter(person=membership.person_id, taxpayer=membership.taxpayer_id)
        return sign_ins.order_by("-started_at").values_list("started_at", flat=True).first()


class TunedAdmin(SimpleAdmin):
    """The same, read in as few queries as the portal reads it."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        posts = Prefetch("person__posts", Post.objects.open(), to_attr="open_posts")
        return rich(super().get_queryset(request)).prefetch_related(posts)

    def get_row(self, membership: Membership) -> Row:
        posts = (post for post in membership.person.open_posts if post.taxpayer_id == membership.taxpayer_id)
        return row_with(membership, tuple(posts))

    @admin.display(description="上次登录")
    def last_sign_in(self, membership: Membership) -> object:
        return membership.last_sign_in


simple, tuned = admin.AdminSite(name="simple"), admin.AdminSite(name="tuned")
simple.register(Membership, SimpleAdmin)
tuned.register(Membership, TunedAdmin)

urlpatterns = [
    path("admin/untuned/", simple.urls),
    path("admin/tuned/", tuned.urls),
    # Signing in needs DEBUG for a moment, and the pages then link this one.
    path("demo/phone/", phone.simulated_phone, name="simulated_phone"),
    *portal.urlpatterns,
]
