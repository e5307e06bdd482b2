"""Days and times in English."""

SHORT_DATE_FORMAT = DATE_FORMAT = "j M Y"
SHORT_DATETIME_FORMAT = "j M Y, H:i"
DATETIME_FORMAT = "j M Y, H:i:s"
TIME_FORMAT = "H:i:s"
# What browsers send, and what somebody types where his browser has no calendar: the same in every language.
DATE_INPUT_FORMATS = ["%Y-%m-%d", "%Y/%m/%d"]
