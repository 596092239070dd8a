"""Business calendars: when a company is open, in its time zone, over holidays and daylight-saving changes. Pure."""

from hotline.calendars.calendar import HORIZON, Calendar, Day
from hotline.calendars.holidays import Holidays
from hotline.calendars.hours import WEEKDAYS, Opening, parse_opening

__all__ = ["HORIZON", "WEEKDAYS", "Calendar", "Day", "Holidays", "Opening", "parse_opening"]
