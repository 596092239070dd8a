"""A PBX for those who have none: a real AMI server on loopback that plays calls recorded from an Asterisk 22, and a
FastAGI client that lets scripts talk with its callers.

``tape`` reads a recording, ``tree`` joins the recordings into states and acts, ``call`` walks one call through them,
``queues`` and ``channels`` keep what the PBX knows, ``world`` puts them together for handsets and phones, ``server``,
``filters``, ``actions`` and ``commands`` speak AMI. ``agi`` asks scripts and obeys them, ``line`` is the caller's ear,
keys and voice, ``inbound`` a call as its dialplan sees it, ``dialling`` what becomes of it, ``media`` fetches prompts
and sends recordings. It knows nothing of hotline and could serve any AMI client and FastAGI server.
"""
