"""Conversations: what customers write, what the company answers, files, macros."""
