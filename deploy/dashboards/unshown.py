"""Metrics that are on no panel, and why none is needed."""

UNSHOWN = {
    "streamssl_build_info": "names the version; read when asking for help",
    "streamssl_accuracy_labels": "labelled events behind the plain accuracy, which is no estimate: 1,000 at most",
    "streamssl_accuracy_low_ratio": "interval of the plain accuracy; it says nothing about all events",
    "streamssl_accuracy_high_ratio": "interval of the plain accuracy; it says nothing about all events",
    "streamssl_gain_over_twin_ratio": "plain, of the labelled events; streamssl_live_gain_ratio is about all",
    "process_start_time_seconds": "streamssl_start_timestamp_seconds says the same",
    "process_virtual_memory_bytes": "address space reserved, most of it never used",
}
