"""What is said in writing: opt-out words, segments, windows, delivery states, mail threads. Pure: no I/O, no clock."""
