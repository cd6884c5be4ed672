#include "pipeline/result_schema.h"

namespace firn::pipeline {
namespace {

constexpr std::string_view kSchema = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "firn results, version 1",
  "description": "What `firn run|retry|rederive|copy|runs|status --json` print, result.json of a run, and the message of an alert. Fields are added within a version, never renamed.",
  "anyOf": [
    {"$ref": "#/$defs/run"},
    {"$ref": "#/$defs/run_not_begun"},
    {"$ref": "#/$defs/copy"},
    {"$ref": "#/$defs/runs"},
    {"$ref": "#/$defs/status"},
    {"$ref": "#/$defs/alert_message"}
  ],
  "$defs": {
    "time": {"description": "RFC 3339 in UTC", "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{6})?Z$"},
    "maybe_time": {"oneOf": [{"type": "null"}, {"$ref": "#/$defs/time"}]},
    "count": {"type": "integer", "minimum": 0},
    "texts": {"type": "array", "items": {"type": "string"}},
    "exit_code": {"description": "docs/reference/exit-codes.md", "type": "integer", "minimum": 0, "maximum": 255},
    "run_state": {"enum": ["running", "completed", "partially failed", "failed", "cancelled", "interrupted"]},
    "error": {
      "type": "object",
      "properties": {
        "fault": {"description": "class of the error", "type": "string"},
        "message": {"type": "string"},
        "code": {"description": "for `firn explain`", "type": "string", "pattern": "^E[0-9]{4}$"},
        "where": {"description": "file:line:column of the project", "type": "string"},
        "why": {"type": "string"},
        "state": {"description": "state the data is in", "type": "string"},
        "next": {"description": "command to type", "type": "string"}
      },
      "required": ["fault", "message"]
    },
    "finding": {
      "description": "something a person should look at, although the load may have ended well",
      "type": "object",
      "properties": {
        "code": {"description": "E0628, E0629 page size, E0940 no rows, E0941 volume, E0942 late", "type": "string", "pattern": "^E[0-9]{4}$"},
        "text": {"type": "string"},
        "severity": {"enum": ["warning", "error"]}
      },
      "required": ["code", "text", "severity"]
    },
    "rows": {
      "type": "object",
      "properties": {
        "read": {"$ref": "#/$defs/count"},
        "written": {"description": "appended, inserted and updated", "$ref": "#/$defs/count"},
        "appended": {"$ref": "#/$defs/count"},
        "inserted": {"$ref": "#/$defs/count"},
        "updated": {"$ref": "#/$defs/count"},
        "deleted": {"$ref": "#/$defs/count"},
        "skipped": {"$ref": "#/$defs/count"},
        "duplicates": {"$ref": "#/$defs/count"},
        "quarantined": {"$ref": "#/$defs/count"}
      },
      "required": ["read", "written", "appended", "inserted", "updated", "deleted", "skipped", "duplicates", "quarantined"]
    },
    "requests": {
      "type": "object",
      "properties": {
        "count": {"$ref": "#/$defs/count"},
        "throttled": {"$ref": "#/$defs/count"},
        "retries": {"$ref": "#/$defs/count"},
        "waited_ms": {"$ref": "#/$defs/count"},
        "body_bytes": {"description": "bytes read from the source", "$ref": "#/$defs/count"},
        "empty": {"$ref": "#/$defs/count"},
        "skipped": {"$ref": "#/$defs/count"},
        "older_rows": {"$ref": "#/$defs/count"},
        "later_rows": {"$ref": "#/$defs/count"}
      },
      "required": ["count", "throttled", "retries", "waited_ms", "body_bytes"]
    },
    "check": {
      "type": "object",
      "properties": {
        "name": {"type": "string"},
        "passed": {"type": "boolean"},
        "on_failure": {"enum": ["fail", "warn"]},
        "bad_rows": {"$ref": "#/$defs/count"},
        "finding": {"type": "string"}
      },
      "required": ["name", "passed", "on_failure"]
    },
    "tuning": {
      "description": "a setting that is other in the next run",
      "type": "object",
      "properties": {
        "setting": {"enum": ["page_size", "concurrency"]},
        "from": {"$ref": "#/$defs/count"},
        "to": {"$ref": "#/$defs/count"},
        "reason": {"type": "string"}
      },
      "required": ["setting", "from", "to", "reason"]
    },
    "alert": {
      "description": "what became of a message that `on:` asked for",
      "type": "object",
      "properties": {
        "event": {"$ref": "#/$defs/event"},
        "by": {"enum": ["webhook", "command", "email"]},
        "delivered": {"type": "boolean"},
        "error": {"type": "string"}
      },
      "required": ["event", "by", "delivered"]
    },
    "event": {"enum": ["failure", "schema_change", "zero_rows", "volume", "quarantine", "late"]},
    "freshness": {
      "type": "object",
      "properties": {
        "newest": {"description": "newest value of the cursor or time column that was loaded", "$ref": "#/$defs/maybe_time"},
        "loaded": {"description": "start of the last run that completed the table", "$ref": "#/$defs/maybe_time"},
        "age_seconds": {"description": "of the newest value, else of the last load", "type": ["integer", "null"], "minimum": 0}
      },
      "required": ["newest", "loaded", "age_seconds"]
    },
    "table": {
      "description": "one table: of a run, or its latest record",
      "type": "object",
      "properties": {
        "pipeline": {"type": "string"},
        "table": {"description": "as in the configuration", "type": "string"},
        "identifier": {"description": "dataset.table", "type": "string"},
        "state": {"description": "of the load; never: configured and not loaded yet", "enum": ["completed", "failed", "cancelled", "running", "never"]},
        "condition": {"description": "worst of state and findings", "enum": ["ok", "warning", "error"]},
        "reason_code": {"description": "code of the error or first finding, else class of the error; empty: none", "type": "string"},
        "reason": {"type": "string"},
        "next": {"type": "string"},
        "error": {"$ref": "#/$defs/error"},
        "findings": {"type": "array", "items": {"$ref": "#/$defs/finding"}},
        "rows": {"$ref": "#/$defs/rows"},
        "requests": {"$ref": "#/$defs/requests"},
        "snapshot_id": {"description": "of the last commit; missing: nothing was committed", "type": "integer"},
        "commits": {"$ref": "#/$defs/count"},
        "data_bytes": {"description": "bytes of the Parquet files written", "$ref": "#/$defs/count"},
        "position_before": {"description": "as the source writes it"},
        "position_after": {"description": "as the source writes it"},
        "cursor_before": {"type": "string"},
        "cursor_after": {"type": "string"},
        "freshness": {"$ref": "#/$defs/freshness"},
        "reconcile_pass": {"description": "true: the run read again what lies before the position", "type": "boolean"},
        "next_reconcile": {"description": "when the next reconcile pass is due, as far as is known; null: none is configured", "$ref": "#/$defs/maybe_time"},
        "schema_changes": {"$ref": "#/$defs/texts"},
        "files_compacted": {"$ref": "#/$defs/count"},
        "checks": {"type": "array", "items": {"$ref": "#/$defs/check"}},
        "published": {"type": "boolean"},
        "warnings": {"$ref": "#/$defs/texts"},
        "tuning": {"description": "settings that are other in the next run", "type": "array", "items": {"$ref": "#/$defs/tuning"}},
        "alerts": {"type": "array", "items": {"$ref": "#/$defs/alert"}},
        "seconds": {"type": "number", "minimum": 0},
        "run_id": {"description": "of the newest run; null: never", "type": ["string", "null"]},
        "last_success": {"description": "end of the last run that completed it", "$ref": "#/$defs/maybe_time"},
        "failures_in_a_row": {"$ref": "#/$defs/count"},
        "configured": {"description": "false: the configuration names the table no longer", "type": "boolean"}
      },
      "required": ["pipeline", "table", "identifier", "state", "condition", "reason_code", "findings", "rows", "requests", "commits", "data_bytes", "freshness", "schema_changes", "warnings", "seconds"]
    },
    "latest_table": {
      "allOf": [{"$ref": "#/$defs/table"}],
      "required": ["run_id", "last_success", "failures_in_a_row"]
    },
    "status": {"type": "array", "items": {"$ref": "#/$defs/latest_table"}},
    "run": {
      "type": "object",
      "properties": {
        "version": {"const": 1},
        "run_id": {"type": "string"},
        "state": {"$ref": "#/$defs/run_state"},
        "exit_code": {"$ref": "#/$defs/exit_code"},
        "environment": {"type": "string"},
        "lake": {"type": "string"},
        "started": {"$ref": "#/$defs/time"},
        "finished": {"$ref": "#/$defs/time"},
        "seconds": {"type": "number"},
        "tables": {"type": "array", "items": {"$ref": "#/$defs/table"}}
      },
      "required": ["version", "run_id", "state", "exit_code", "environment", "lake", "started", "finished", "seconds", "tables"]
    },
    "run_not_begun": {
      "type": "object",
      "properties": {
        "version": {"const": 1},
        "state": {"enum": ["failed", "cancelled"]},
        "exit_code": {"$ref": "#/$defs/exit_code"},
        "error": {"$ref": "#/$defs/error"},
        "tables": {"type": "array", "maxItems": 0}
      },
      "required": ["version", "state", "exit_code", "error", "tables"]
    },
    "recorded_run": {
      "type": "object",
      "properties": {
        "run_id": {"type": "string"},
        "command": {"type": "string"},
        "pipeline": {"type": "string"},
        "environment": {"type": "string"},
        "started": {"$ref": "#/$defs/time"},
        "seconds": {"type": "number"},
        "state": {"$ref": "#/$defs/run_state"},
        "exit_code": {"$ref": "#/$defs/exit_code"},
        "tables": {"type": "array", "items": {"$ref": "#/$defs/table"}}
      },
      "required": ["run_id", "command", "pipeline", "environment", "started", "seconds", "state", "exit_code", "tables"]
    },
    "runs": {"type": "array", "items": {"$ref": "#/$defs/recorded_run"}},
    "copy": {
      "type": "object",
      "properties": {
        "version": {"const": 1},
        "source": {"type": "string"},
        "target": {"type": "string"},
        "rows": {"$ref": "#/$defs/count"},
        "seconds": {"type": "number"},
        "source_bytes": {"$ref": "#/$defs/count"},
        "file_bytes": {"$ref": "#/$defs/count"},
        "hash": {"type": ["string", "null"]},
        "rows_inserted": {"$ref": "#/$defs/count"},
        "rows_updated": {"$ref": "#/$defs/count"},
        "rows_quarantined": {"$ref": "#/$defs/count"},
        "snapshot_id": {"type": ["integer", "null"]},
        "schema_changes": {"$ref": "#/$defs/texts"},
        "warnings": {"$ref": "#/$defs/texts"},
        "table": {"description": "of a copy to a table", "$ref": "#/$defs/table"}
      },
      "required": ["version", "source", "target", "rows", "seconds", "file_bytes", "schema_changes", "warnings"]
    },
    "alert_message": {
      "description": "what webhooks and commands get; no positions, cursors or secrets",
      "type": "object",
      "properties": {
        "version": {"const": 1},
        "event": {"$ref": "#/$defs/event"},
        "text": {"description": "one line for people", "type": "string"},
        "run_id": {"type": "string"},
        "environment": {"type": "string"},
        "time": {"$ref": "#/$defs/time"},
        "table": {"$ref": "#/$defs/table"},
        "run": {"description": "instead of a table: the run could not begin", "$ref": "#/$defs/run_not_begun"}
      },
      "required": ["version", "event", "text", "run_id", "environment", "time"]
    }
  }
}
)json";

}  // namespace

std::string_view ResultSchema() {
  return kSchema;
}

}  // namespace firn::pipeline
