"""What runs in the processes that read hostile bytes, by `python -m infra.decoders`. It knows no settings, no secrets
and no other part of this project, and starts in a tenth of a second.
"""
