"""The catalogues: English is the source language, a folder per further language."""
