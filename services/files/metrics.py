"""What the files service counts."""

from prometheus_client import Counter, Gauge

WRITTEN = Counter("files_written_bytes_total", "Bytes taken from clients.")
RETRIED = Counter("files_granules_retried_total", "Requests with bytes that had to be repeated.")
ENDED = Counter("files_uploads_ended_total", "Uploads by their end.", ["end"])
BUFFERED = Gauge("files_buffer_bytes", "Bytes of memory taken for bytes on their way.")
KEPT = Counter("files_kept_bytes_total", "Bytes put into the store of bytes.")
NOT_KEPT = Counter("files_keeping_failures_total", "Uploads that the store of bytes failed.")
DROPPED = Counter("files_kept_dropped_total", "Times that what is kept of a file was dropped.")
COPIED = Counter("files_second_uploads_total", "Files brought into another project.", ["end"])
WAITED = Counter(
    "files_ensure_waits_total", "Calls that waited for a file that another one brings."
)
TAILS = Gauge("files_tail_bytes", "Bytes in Redis that do not fill a granule yet.")
