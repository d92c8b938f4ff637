"""Every metric of every process, in one file, so that names are easy to find and none is used twice."""

from prometheus_client import Counter, Gauge, Histogram

# Outcomes: stored, duplicate, refused, too_late, unavailable, failed
sends = Counter("im_sends", "Sends by how they were answered", ["outcome"])
group_commit_size = Histogram("im_group_commit_size", "Drafts in one transaction", buckets=(1, 2, 4, 8, 16, 32, 64))
group_commit_seconds = Histogram("im_group_commit_seconds", "One group commit, from BEGIN to COMMIT answered")
transaction_reruns = Counter("im_transaction_reruns", "Transactions rerun after a deadlock or a lock wait")
pokes_failed = Counter("im_pokes_failed", "Dirty shards that Redis did not take; the sweep stands in for them")
# Outcomes: published, full, late, failed
fast_messages = Counter("im_fast_messages", "New messages for the fast path by what became of them", ["outcome"])
events_drained = Counter("im_outbox_events_drained", "Outbox events published and deleted")
events_parked = Counter("im_outbox_events_parked", "Outbox events put aside because they could not be told")
connections = Gauge("im_connections", "Open sockets of this process", multiprocess_mode="livesum")
# Outcomes: whole, part, unchanged, redirected, gone
media_reads = Counter("im_media_reads", "Uploads and thumbnails that were read, by how that was answered", ["outcome"])
frames_pushed = Counter("im_frames_pushed", "Frames written to sockets")
connections_closed = Counter("im_connections_closed", "Sockets closed by this side", ["code"])
audit_drift = Counter("im_audit_drift", "What the auditor found different from what it should be", ["what"])
bus_losses = Counter("im_bus_losses", "Times the link to Redis was lost and the backlog was run again")
loop_stumbles = Counter("im_loop_stumbles", "Turns of a background loop that ended in an exception", ["loop"])
proofs_waiting = Gauge(
    "im_proofs_waiting", "Proofs of delivery of this process that no worker has confirmed", multiprocess_mode="livesum"
)
notes_dropped = Counter("im_notes_dropped", "Notes from Redis that could not be read or dealt with")
# Outcomes: stored, refused, gone, unavailable, failed
uploads = Counter("im_uploads", "Uploads by their kind and how they ended", ["kind", "outcome"])
upload_bytes = Counter("im_upload_bytes", "Bytes of the uploads that were stored")
# Outcomes: made, failed, put_off
thumbnails = Counter("im_thumbnails", "Thumbnails by what became of them", ["outcome"])
media_cleaned = Counter("im_media_cleaned", "Media that nothing needed any more and that was removed", ["what"])
