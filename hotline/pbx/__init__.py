"""The Asterisk wire: AMI connection, actions, filters and dial formats. Nothing here knows users or
customers.
"""
