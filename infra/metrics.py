"""Every metric of every process but rpc's own, in one file, so that names are easy to find and none is used twice.

A gauge of several processes that count together is the sum of those that live, unless it says otherwise.
"""

from prometheus_client import Counter, Gauge, Histogram

_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds

# `path` is the rule of a route, as in /media/v1/{media_id}, and "unknown" for what has none
requests = Counter("im_requests", "Answers of REST", ["method", "path", "status"])
request_seconds = Histogram("im_request_seconds", "One request, until its answer begins", ["path"], buckets=_QUICK)
limited = Counter("im_limited", "Calls and frames refused because they came too often", ["limit"])
# `statement` is a verb and a table, as in "select im_message", or "flight" for several in one trip
database_seconds = Histogram("im_database_seconds", "One trip to the database", ["statement"], buckets=_QUICK)
database_connections = Gauge("im_database_connections", "Database connections in use", multiprocess_mode="livesum")
canary_seconds = Histogram(
    "im_canary_seconds", "From the canary's send until its frame is at the recipient's socket", buckets=_QUICK
)
canary_failures = Counter("im_canary_failures", "Rounds of the canary that failed")
# Outcomes: done, failed
tasks = Counter("im_tasks", "Tasks that were run", ["task", "outcome"])
task_seconds = Histogram("im_task_seconds", "One run of a task", ["task"], buckets=_QUICK)
loop_turned = Gauge(
    "im_loop_turned_timestamp_seconds",
    "When a background loop last turned; of several processes the one that has waited longest",
    ["loop"],
    multiprocess_mode="livemin",
)
# Until: written, answered
push_seconds = Histogram(
    "im_push_seconds", "From a COMMIT until the socket or the device has the message", ["until"], buckets=_QUICK
)
frames_dropped = Counter("im_frames_dropped", "Frames that were not written; a backlog brings them", ["reason"])
backlog_pages = Counter("im_backlog_pages", "Pages of backlog that were published")
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
# What: message, text
retention_removed = Counter("im_retention_removed", "Messages and texts that retention has removed", ["what"])
media_cleaned = Counter("im_media_cleaned", "Media that nothing needed any more and that was removed", ["what"])
