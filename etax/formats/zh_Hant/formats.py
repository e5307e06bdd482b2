"""Days and times in 繁體中文."""

SHORT_DATE_FORMAT = DATE_FORMAT = "Y年n月j日"
SHORT_DATETIME_FORMAT = "Y年n月j日 H:i"
DATETIME_FORMAT = "Y年n月j日 H:i:s"
TIME_FORMAT = "H:i:s"
# What browsers send, and what somebody types where his browser has no calendar: the same in every language.
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%Y/%m/%d"]
