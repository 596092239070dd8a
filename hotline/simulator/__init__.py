"""A PBX for those who have none: a real AMI server on loopback that plays calls recorded from an Asterisk 22.

``tape`` reads a recording, ``tree`` joins the recordings into states and acts, ``call`` walks one call through them,
``queues`` and ``channels`` keep what the PBX knows, ``world`` puts them together for handsets and phones, ``server``,
``filters`` and ``actions`` speak AMI. It knows nothing of hotline and could serve any AMI client.
"""
