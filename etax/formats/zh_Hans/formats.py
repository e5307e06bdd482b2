"""Days and times in 简体中文: as forms and certificates of the bureau write them."""

SHORT_DATE_FORMAT = DATE_FORMAT = "Y-m-d"
SHORT_DATETIME_FORMAT = "Y-m-d H:i"
DATETIME_FORMAT = "Y-m-d H:i:s"
TIME_FORMAT = "H:i:s"
# What browsers send, and what somebody types where his browser has no calendar: the same in every language.
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%Y/%m/%d"]
