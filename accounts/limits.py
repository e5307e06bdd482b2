"""Every limit of the portal in one table (D13, D14, security.md OTP, CAP); docs/limits.md shows it to operators."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` in `period` for one subject; whoever reaches it waits `block`, or until the period is over.

    A limit without a period counts in a row: it starts anew only when somebody succeeds or the block is over.
    """

    name: str
    count: int
    period: timedelta | None
    block: timedelta | None
    subject: str
    why: str


MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TEN_MINUTES = timedelta(minutes=10)

PASSWORD = Limit("password", 5, None, TEN_MINUTES, "一个密码", "D13：连续5次输错锁定10分钟，不论账号是否存在")
CODE_CHECKS = Limit("code_checks", 10, HOUR, TEN_MINUTES, "一个人", "D14、OTP-05：一小时内输错10次，停用验证码10分钟")
CODE_GAP = Limit("code_gap", 1, MINUTE, None, "一个手机号", "D14、OTP-06：两条验证码之间间隔60秒")
CODE_HOUR = Limit("code_hour", 5, HOUR, None, "一个手机号", "D14、OTP-06：每小时5条")
CODE_DAY = Limit("code_day", 10, DAY, None, "一个手机号", "D14、OTP-06：每天10条")
CODE_ADDRESS = Limit("code_address", 20, HOUR, None, "一个地址", "OTP-06：每小时20条未使用的验证码，使用后退还")
CODE_TOTAL_PARTS = 16
"""In so many parts the budget of all codes is counted: in one row every code of the bureau would wait for the last."""
CODE_TOTAL = Limit(
    "code_total",
    200_000 // CODE_TOTAL_PARTS,
    DAY,
    None,
    "全局的16分之一（按手机号分）",
    "OTP-12：全局每日短信预算共20万条，分16份计数，避免所有人争用同一行",
)
CODE_PREFIX = Limit(
    "code_prefix", 500, HOUR, None, "一个号段（前7位）", "OTP-12：同一号段每小时500条未使用的验证码，使用后退还"
)
ADDRESS_ACCOUNTS = Limit(
    "address_accounts", 200, TEN_MINUTES, None, "一个地址", "D13：同一地址试错多个账号时放慢，登录成功退还"
)
PICTURES = Limit("pictures", 30, MINUTE, None, "一个地址", "CAP-06：每分钟30张图片验证码，答对退还")

SEARCHES = Limit("searches", 10, HOUR, None, "一个企业的一名管理人员", "D19、STF-01：每小时查询10次待添加人员")
USERNAMES = Limit("usernames", 10, HOUR, None, "一个人", "D12、D21：注册时每小时10次已被使用的用户注册名")
PHOTO_UPLOADS = Limit("photo_uploads", 10, DAY, None, "一个手机号", "FIL-05：每天上传10张实名照片")
PROPOSALS = Limit("proposals", 100, DAY, None, "一个代理机构", "D23：每天100份代理申请，避免试探和骚扰企业")
PROPOSALS_TO_ONE = Limit("proposals_to_one", 5, DAY, None, "一个代理机构和一个企业", "D23：每天向同一企业申请5次")

SCANS = Limit("scans", 10, DAY, None, "一个人", "FIL-05：每天上传10个扫描件")
DECLARATION = Limit("declaration", 5, None, TEN_MINUTES, "一个纳税人", "D24：申报密码连续5次输错锁定10分钟")
DECLARATION_CLIENT = Limit("declaration_client", 600, MINUTE, None, "一个扣缴客户端", "D24：每分钟核验600次")
SYSTEM_SECRETS = Limit(
    "system_secrets", 20, MINUTE, None, "一个地址上的一个下游系统", "PW-03、F20：每分钟20次名称或密钥错误，先于核对"
)

ALL = (
    PASSWORD,
    CODE_CHECKS,
    CODE_GAP,
    CODE_HOUR,
    CODE_DAY,
    CODE_ADDRESS,
    CODE_TOTAL,
    CODE_PREFIX,
    ADDRESS_ACCOUNTS,
    PICTURES,
    SEARCHES,
    USERNAMES,
    PHOTO_UPLOADS,
    PROPOSALS,
    PROPOSALS_TO_ONE,
    SCANS,
    DECLARATION,
    DECLARATION_CLIENT,
    SYSTEM_SECRETS,
)

CODE_FAILURES = 5
"""The wrong try that kills a code (D14)."""
CODE_LIFE = timedelta(minutes=5)
PICTURE_LIFE = timedelta(seconds=120)
RESET_LIFE = timedelta(hours=24)
STEP_UP_LIFE = timedelta(minutes=5)
TICKET_LIFE = timedelta(seconds=60)
FLOW_LIFE = timedelta(minutes=10)
COLLECTION_LIFE = timedelta(minutes=30)
"""How long a 实名采集 in progress lives: documents must be found and photographed."""
