"""One guard for each framework: what an entry point computes may not depend on settings that a caller left.

A guard fixes the process-wide settings that would change the result, for the time of one call, and then
restores what it found. Each module imports that of its own framework only.
"""
