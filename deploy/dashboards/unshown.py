"""Metrics that are on no panel, and why none is needed."""

UNSHOWN = {
    "streamssl_build_info": "names the version; read when asking for help",
    "process_start_time_seconds": "streamssl_start_timestamp_seconds says the same",
    "process_virtual_memory_bytes": "address space reserved, most of it never used",
}
