"""A Twilio for those who have none: an account on this machine whose numbers can be called and written to.

It keeps state, calls back with real signatures and answers the requests that hotline makes in the shapes of Twilio's
API. ``hotline demo`` plays with it, the tests lean on it.
"""

from hotline.simulator.twilio.hooks import Delivery
from hotline.simulator.twilio.line import Line
from hotline.simulator.twilio.messages import Fate
from hotline.simulator.twilio.records import Call, Message, Recording
from hotline.simulator.twilio.server import Fault, SimulatedTwilio

__all__ = ["Call", "Delivery", "Fate", "Fault", "Line", "Message", "Recording", "SimulatedTwilio"]
