"""What the files service counts."""

from prometheus_client import Counter, Gauge

WRITTEN = Counter("files_written_bytes_total", "Bytes taken from clients.")
RETRIED = Counter("files_granules_retried_total", "Requests with bytes that had to be repeated.")
ENDED = Counter("files_uploads_ended_total", "Uploads by their end.", ["end"])
BUFFERED = Gauge("files_buffer_bytes", "Bytes of memory taken for bytes on their way.")
TAILS = Gauge("files_tail_bytes", "Bytes in Redis that do not fill a granule yet.")
