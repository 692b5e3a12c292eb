"""What implementations in one framework share, so that each of the nine shows the network and no more.

A guard fixes the process-wide settings that would change a result, for the time of one call, and restores
what it found. Beside the guards stand the Keras pipeline and losses, and what listens to Lightning.
"""
