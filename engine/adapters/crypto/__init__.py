"""Sealing and opening: AES-256-GCM, keys wrapped by master keys, and doors that use them."""
