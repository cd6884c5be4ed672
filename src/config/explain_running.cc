#include "config/explain_running.h"

#include <array>

namespace firn::config {
namespace {

constexpr std::array kExplanations = {
    Explanation{"E0230", "--select names nothing", "Select by table (orders), dataset.table (shop.orders) or pipeline.",
                ""},
    Explanation{
        "E0430", "the records are not where the project says",
        "The answer is good JSON but has nothing at `records`. The keys it does have are shown. A missing path is "
        "never taken for an empty page.",
        "records: data.items"},
    Explanation{
        "E0431", "a next-page token came back",
        "Following it would read the same pages for ever, so reading stopped before the table got doubled rows.", ""},
    Explanation{"E0432", "the same page came again",
                "Most often the API ignores the paging parameter: declare how it really pages, or paginate: none. Some "
                "APIs answer numbers past the end with their last page once more; that is understood where it is "
                "certain (a page shorter than others, or a smaller page size that gives other rows). A last page as "
                "full as the others may also be a limit of the API: declare where the end is.",
                "paginate: {type: page, total_pages: meta.pages}"},
    Explanation{"E0433", "too many pages", "The slice has more pages than paginate.pages_max allows.",
                "paginate: {type: page, pages_max: 5000000}"},
    Explanation{"E0434", "a request would leave the host of base_url",
                "Credentials are sent to the host of base_url alone. A next-page link to another host is refused.", ""},
    Explanation{"E0435", "there are more pages, but not how to ask for them",
                "Detection saw signs of more pages (a full page, a total) and no token, link or parameter it knows.",
                "paginate: {type: page, param: page, page_size: 100, size_param: per_page}"},
    Explanation{"E0436", "paging cannot go on",
                "The body says there is more but lacks the token or flag that paging needs.", ""},
    Explanation{
        "E0437", "a cursor value does not fit",
        "Values of a cursor must be comparable: all numbers (strings of digits count as numbers), all times, or all "
        "text of one fixed form, as ULIDs or zero-padded numbers are. Whether `inv-10` comes before `inv-9` depends "
        "on the API, so rows would be lost: nothing was read past the last position. --from and --to must be values "
        "of that kind, the first before the second.",
        "incremental: {cursor: updated_at, format: epoch_s}"},
    Explanation{"E0438", "rows declared ascending are not",
                "A position had been given after which this row should have come. Nothing after it was committed.",
                "incremental: {cursor: updated_at, order: unordered}"},
    Explanation{
        "E0439", "too many rows at the boundary",
        "To append rows once although reads overlap, firn remembers the rows of the overlap. There are too many. A "
        "primary key with merge needs no such memory.",
        "write_disposition: merge"},
    Explanation{"E0440", "an expression failed for a row or request",
                "A name was missing or had the wrong kind. `default` gives a missing value another.",
                "path: /items/{{ parent.id | default('none') }}"},
    Explanation{"E0442", "no access token could be had", "The token endpoint refused or answered without a token.", ""},
    Explanation{"E0443", "a position cannot be read",
                "It was written by a newer firn, by hand, or for another source. Nothing was read.", ""},
    Explanation{"E0444", "an error dressed as success",
                "The status is 200 but the body is an error object. It is not loaded as a row.", "records: \".\""},
    Explanation{"E0445", "a child request was answered 404 or 410 where that cannot mean `no rows`",
                "One missing parent row is nothing unusual: its request has no rows, is counted, and the run goes on. "
                "When each of many requests is missing, the path is wrong more likely than every parent gone; and a "
                "page after the first is missing only when the paging is wrong.",
                "on_status: {404: empty}"},
    Explanation{
        "E0446", "delete_when says neither true nor false",
        "Only true deletes a row; false, null and a missing field keep it. Texts like \"false\" and numbers are not "
        "guessed at, because a deleted row is gone: compare them in the expression. With on_error: quarantine such "
        "rows are set aside and the others loaded.",
        "delete_when: \"{{ record.deleted == 'yes' }}\""},
    Explanation{
        "E0447", "it is not clear where the records are",
        "The answer is an object with a list in it and with fields beside the list that look like data. Taking the "
        "list would lose them, taking the whole would make one row. Nothing was read.",
        "records: items   # or records: . for the whole body as one record"},
    Explanation{"E0450", "an expression that cannot be read", "", "path: /orders/{{ parent.id }}/items"},
    Explanation{"E0451", "an expression names something that is not there",
                "Requests see parent, partition, incremental and the functions; delete_when sees record; rules of "
                "`on_response` "
                "see response, status and headers.",
                ""},
    Explanation{
        "E0460", "the exchange with a server failed",
        "Name, connection, TLS, timeout or a broken answer; the line with `why` has libcurl's words. Such errors are "
        "tried again within `retry`; what was committed stays.",
        "source: {retry: {attempts: 8, total: 10m}, timeouts: {first_byte: 2m}}"},
    Explanation{"E0461", "a server refused a request",
                "The HTTP status says why; statuses that may go away were retried.", "on_status: {404: empty}"},
    Explanation{"E0462", "a public server led to a private address",
                "A redirect, or a name that changed its address meanwhile, would have had this machine ask one of its "
                "neighbours (loopback, private, link-local). Nothing was sent there.",
                "source: {http: {allow_private_redirects: true}}"},
    Explanation{"E0601", "an empty body", "The status was good and nothing came. It is never taken for an empty table.",
                "empty_body: no_records"},
    Explanation{"E0602", "HTML instead of JSON", "Often a login page, a proxy or an error page sent with status 200.",
                ""},
    Explanation{"E0603", "the body is not UTF-8", "", ""},
    Explanation{"E0604", "the body is not valid JSON",
                "The offset and the shape of the text are shown (digits as 9, letters as x), never the text.",
                "on_error: quarantine"},
    Explanation{"E0605", "the JSON is cut off",
                "The answer ended in the middle. It is asked for again before this is reported.", ""},
    Explanation{"E0606", "a body is too large", "One page has at most 1 GiB.",
                "paginate: {type: page, page_size: 100}"},
    Explanation{"E0607", "a line is too long", "One record of a line file has at most 1 GiB.", ""},
    Explanation{"E0608", "a record cannot be decoded",
                "Bytes that are not UTF-8 are often latin-1: `csv: {encoding: latin-1}`, or `--encoding latin-1`.",
                "on_error: quarantine"},
    Explanation{"E0609", "the schema is frozen",
                "schema_contract: freeze stops a table at the first key or value it has no place for.",
                "schema_contract: {columns: evolve, types: discard_row}"},
    Explanation{
        "E0610", "a row is too long",
        "A quote is opened and not closed, or no line ends: the file may have another quote, escape or delimiter "
        "than it seems. Nothing behind this place was read.",
        "firn copy --delimiter ';' --quote \"'\" FILE TARGET"},
    Explanation{"E0611", "the header of a CSV file cannot be read", "", "firn copy --no-header FILE TARGET"},
    Explanation{"E0612", "a quote is never closed",
                "Everything from this line to the end of the file would be one field. The rows before it are sound.",
                "firn copy --quote '' FILE TARGET"},
    Explanation{"E0613", "a CSV dialect that cannot be", "", ""},
    Explanation{"E0620", "an expression is not JavaScript",
                "Expressions are single JavaScript expressions: no statements outside of function bodies.",
                "firn eval --js 'EXPRESSION'"},
    Explanation{
        "E0621", "an expression uses what is left out on purpose",
        "Values never change and there is no host: assignments, push, setters, loops and fetch are refused. The "
        "message says what to write instead; docs/reference/javascript.md has the list.",
        "firn eval --js 'EXPRESSION'"},
    Explanation{"E0622", "an expression names what is not there", "", "firn eval --js 'EXPRESSION' --data '{}'"},
    Explanation{
        "E0623", "an expression failed on a record",
        "JavaScript would throw here too, for example when it reads a property of null. `?.` and `??` allow that.",
        "firn eval --js 'EXPRESSION' --data RECORD.json"},
    Explanation{"E0624", "an expression takes too many steps or makes too large a value",
                "Steps, nesting and the size of values are limited, also those of regular expressions.", ""},
    Explanation{
        "E0625", "an expression would round a number of the data",
        "JavaScript counts exactly up to 2^53 - 1. Larger integers pass through and print exactly; arithmetic on "
        "them is refused.",
        "Number(x) rounds it, String(x) keeps its digits"},
    Explanation{
        "E0650", "a program printed what is no message",
        "Lines that begin with `{` must be messages of the protocol; other lines of taps and connectors count as "
        "words for the log.",
        "protocol: singer"},
    Explanation{"E0651", "a program reports an error", "An Airbyte connector said so itself (TRACE).", ""},
    Explanation{
        "E0652", "a program cannot be run to its end",
        "It is not there, ended with another exit code than 0, or was killed because it passed `idle` or `total`. "
        "Its last words on stderr are shown; all of them are in `firn logs`.",
        ""},
    Explanation{"E0653", "rows of a program that no state covers",
                "An append table takes rows up to a state of the program; what comes after its last one would be there "
                "twice after the next run.",
                "print(json.dumps({\"@state\": state})) after the rows"},
    Explanation{"E0654", "a program has no such stream", "", "tables: {orders: {stream: public-orders}}"},
    Explanation{
        "E0655", "a program's new configuration cannot be kept",
        "An Airbyte connector renewed a token that is good for one use, and no state folder is there to keep it.", ""},
    Explanation{"E0701", "the SQL engine cannot be loaded",
                "libduckdb.so is looked for beside firn, in ../lib and where FIRN_DUCKDB_LIBRARY points.", ""},
    Explanation{"E0702", "the query does more than read",
                "firn sql runs SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, EXPLAIN.", ""},
    Explanation{"E0703", "one statement is wanted", "", ""},
    Explanation{"E0704", "no such table", "Tables are written dataset.table; firn tables lists them.", ""},
    Explanation{"E0705", "no such column",
                "A key that was only ever null has no column yet; declare it under columns to have it from the start.",
                ""},
    Explanation{"E0706", "no such snapshot",
                "It may have expired: the newest 100 are kept, older ones hourly and daily.", ""},
    Explanation{"E0707", "the query cannot be understood", "", ""},
    Explanation{"E0708", "the query failed while running", "", ""},
    Explanation{
        "E0709", "the table cannot be read exactly",
        "It has something this build cannot apply, such as data files in another format than Parquet; or it is a "
        "view.",
        ""},
    Explanation{
        "E0740", "a request is not on the tape",
        "A test answers from recorded exchanges alone, by method, URL and body. The nearest recorded request is shown "
        "with "
        "the part that differs. Either the project asks for something else than it did, and the test is to be recorded "
        "again, or it should not.",
        ""},
    Explanation{
        "E0741", "a tape cannot be read",
        "A file of it was cut, edited into something else, or written by a newer firn; file and line are named.", ""},
    Explanation{
        "E0742", "an answer cannot be recorded",
        "Secrets and personal data are taken out of what is recorded. In an answer that is no text, or no JSON while "
        "columns are declared `pii` or masked, they cannot be found, so nothing is written.",
        ""},
    Explanation{"E0743", "a tape would be too large",
                "Tapes are kept in version control and read by people: 5 MiB of text at most. Record fewer pages, or a "
                "test for each table.",
                ""},
    Explanation{
        "E0744", "the source is no API",
        "Only what is asked over HTTP with `type: rest` and `type: airbyte` is recorded. The input of the other "
        "sources are files: keep small ones beside the project.",
        ""},
    Explanation{"E0745", "no such test, or a broken one",
                "A test is a folder with test.json, tape/ and expected/; docs/guide/testing.md says what they hold.",
                ""},
    Explanation{"E0746", "the folder is in use", "A test or a lake of a replay is never written over other files.", ""},
    Explanation{"E0751", "no such run", "firn runs lists them; the beginning of an id is enough, `last` is the newest.",
                ""},
    Explanation{
        "E0752", "the pipeline is already running",
        "One run of a pipeline at a time. The lock of a dead process on this machine is void at once; with `state` "
        "on an object store the lease of a dead machine ends by itself in about a minute, or by `firn state "
        "unlock`.",
        ""},
    Explanation{"E0753", "state of a newer firn", "An older firn does not touch what a newer one wrote.", ""},
    Explanation{"E0754", "the state database cannot be written", "It only holds history; tables are not affected.", ""},
    Explanation{
        "E0755", "the lease was lost",
        "The run could not renew its lease in the state in time, or somebody else has taken it. It stops before "
        "its next commit; what it committed stays, and the next run goes on from there.",
        ""},
    Explanation{"E0756", "no conditional writes",
                "Runs on several machines are kept apart by writes that succeed only on the version that was read "
                "(If-None-Match, If-Match). This store does not have them.",
                "state: s3://bucket/firn-state"},
    Explanation{"E0801", "a file is missing", "", ""},
    Explanation{"E0802", "the disk is full",
                "Nothing is lost: committed rows stay, and the next run goes on from the last commit. The catalog also "
                "needs some space to be opened (32 KiB), so that queries stop as well. `df -h` shows what is free.",
                ""},
    Explanation{"E0810", "the state of a stream is no state", "", ""},
    Explanation{"E0811", "the state of a stream is of a newer firn", "", ""},
    Explanation{"E0812", "the position belongs to another request",
                "Cursor, key, write disposition, paging, address or settings changed. The old position may skip or "
                "double rows. "
                "`--full-refresh` reads all anew and replaces the rows; `firn state accept TABLE` goes on from the "
                "position by the new configuration.",
                ""},
    Explanation{"E0813", "a new child of a parent that appends",
                "Children are asked only of parents read in the same run; older parents would have none.", ""},
    Explanation{"E0814", "reading an append table again doubles it", "", ""},
    Explanation{
        "E0818", "the table's rows are of another stream",
        "A stream is known by the names of its pipeline and table. After one of them was renamed in the project, the "
        "table still has the position of the old name: take it over, so that no row comes twice.",
        "firn state accept shop.orders --of shop/old_name --yes"},
    Explanation{"E0820", "the key is not in the rows", "", "primary_key: id"},
    Explanation{"E0821", "the partition column is not in the rows", "", "partition_by: [day(created_at)]"},
    Explanation{"E0822", "the table is newer than `format_version`",
                "Iceberg tables are upgraded for good: a table of version 3 never becomes one of version 2 again.", ""},
    Explanation{"E0823", "the table uses what this build cannot write",
                "Another engine gave it a feature that rows of this build would break.", ""},
    Explanation{"E0824", "two columns would have one path",
                "A key with a dot in it (\"a.b\") meets the `b` of an object `a`, and the names that would tell them "
                "apart are taken.",
                "columns: {a: {type: json}}"},
    Explanation{
        "E0825", "a column by which rows cannot be ordered",
        "sequence_by needs a number of up to 18 digits, a date or a time; scd2.changed_at and dedupe_by need a date "
        "or a time. Text that looks like a time is one once it is declared.",
        "columns: {updated_at: {type: timestamptz, format: epoch_ms}}"},
    Explanation{
        "E0826", "versions without a time",
        "merge_strategy scd2 found rows whose valid_from is null: the table was filled in another way, or another "
        "writer changed it.",
        "firn run --full-refresh"},
    Explanation{
        "E0827", "no partitions to replace",
        "overwrite_partitions goes by the partitions of the table, and the table was made without partition_by.",
        "write_disposition: replace\npartition_by: [day(created_at)]\noverwrite_partitions: true"},
    Explanation{"E0828", "a mode of merging that is not known",
                "The table properties write.merge.mode, write.delete.mode and write.update.mode are merge-on-read or "
                "copy-on-write. `merge_mode` at the table wins over them.",
                "merge_mode: merge_on_read"},
    Explanation{"E0829", "a table that asks for copy-on-write",
                "Another writer, or an owner whose readers cannot apply deletes, set write.merge.mode (or, without it, "
                "write.delete.mode or write.update.mode) to copy-on-write. Only upserts by arrival with hard deletes "
                "write data files again; the other strategies leave delete files.",
                "merge_mode: merge_on_read"},
    Explanation{"E0830", "a replace read nothing",
                "Replacing a full table by an empty one is more often an accident than meant.", "allow_empty: true"},
    Explanation{"E0831", "--max-rows cut an append where it cannot resume", "", ""},
    Explanation{"E0832", "--from or --to on an append table",
                "The position does not move with a window, so other runs read its rows too and append them again.",
                "write_disposition: merge, primary_key: id"},
    Explanation{"E0833", "--max-rows cut a replace",
                "A replace publishes what it read as the whole table; a part of the source is not that.", ""},
    Explanation{"E0840", "nothing to write", "Without a single row there are no columns for a Parquet file.", ""},
    Explanation{"E0841", "copy cannot read or write that",
                "A source is an http(s) URL, a JSON or NDJSON file, or - for standard input. A target is a table "
                "`dataset.table`, a Parquet file, or - for standard output.",
                ""},
    Explanation{"E0842", "the table is not copy's own",
                "copy replaces or extends only what copies wrote. A table that a pipeline of a project or another "
                "program feeds would lose its rows or its position.",
                ""},
    Explanation{"E0850", "the demo folder is something else", "", ""},
    Explanation{"E0851", "there is a project already", "init never overwrites firn.yaml.", ""},
    Explanation{"E0852", "no such template", "", ""},
    Explanation{"E0860", "no archived run was committed",
                "rederive reads only runs whose rows reached the table; of the others the next run read the rows "
                "again.",
                ""},
    Explanation{"E0861", "an append table cannot be rebuilt exactly",
                "A run was stopped between two commits. Its last bodies were archived but not committed, and the next "
                "run read them again: reading both would double rows.",
                ""},
    Explanation{"E0862", "the table has no raw archive", "", "raw: archive"},
    Explanation{
        "E0863", "the raw archive does not hold the whole table",
        "Runs are missing, for example past `raw: {retention}` or loaded while raw was off, or the position was "
        "set by hand.",
        ""},
    Explanation{
        "E0864", "loads that cannot be repeated",
        "rederive reads archived runs as one load, or, where it matters what was loaded together, one by one. Of "
        "replace_children and of backfills the bodies do not tell which rows went; of runs that an older firn archived "
        "it "
        "is not known when and how they were loaded; loads with `publish: audit` are published by their checks.",
        ""},
    Explanation{"E0865", "archived runs that do not say their table",
                "Archives of version 1 kept the runs of all environments (`dataset_prefix`) in one folder. A run is "
                "taken for the table's if a snapshot of the table names it; where runs are missing otherwise, nothing "
                "is guessed.",
                ""},
    Explanation{
        "E0866", "archived bodies sealed with another key",
        "Raw archives name the key they are encrypted with by an id. It is not among raw.key, raw.previous_keys "
        "and keys/raw.key in the state folder.",
        "raw: {key: \"${env:NEW}\", previous_keys: [\"${env:OLD}\"]}"},
    Explanation{"E0867", "the key of the raw archive is gone",
                "The archive was encrypted with keys/raw.key of the state folder, and that file is not there any more. "
                "No new key is made, so that nobody takes the archive for readable. Put the file back.",
                ""},
    Explanation{
        "E0868", "a range of runs whose rows depend on earlier ones",
        "rederive --from reads runs from that time on as if nothing had been there before. Where a load is judged "
        "by the rows that were there (insert_only, scd2, sequence_by, dedupe), that would make rows that the table "
        "never had.",
        ""},
    Explanation{"E0871", "the S3 library cannot be loaded",
                "libfirn_s3.so is looked for in ../lib and beside firn. Only lakes on S3 need it.", ""},
    Explanation{
        "E0872", "the object store does not know conditional writes",
        "It refused If-None-Match. Files of the lake have names of their own, so they are looked up before they "
        "are written instead.",
        ""},
    Explanation{
        "E0873", "a column that is masked now was typed before",
        "The table has the column as a number, a time, a struct or a list, from loads before mask_on_write was "
        "set. A masked value is text. Drop the column and add it as text: rows from then on are masked in it, and the "
        "plain values stay only in older snapshots and their files, until these expire. To leave nothing behind, load "
        "into a table of another name and drop the old one.",
        ""},
    Explanation{
        "E0874", "more keys are missing than may be",
        "With `deletes: missing` a key that a listing of all rows does not give is deleted. When a large part of the "
        "table is missing at once, an API that answered a part is likelier than that many deletions, so nothing was "
        "changed. `firn run --yes` takes the answer as it is.",
        "deletes: {mode: missing, max_percent: 50}"},
    Explanation{"E0875", "a child's copy of the parent's key is of another type",
                "`replace_children` finds the rows of a parent by the columns that `include` takes from its key. Their "
                "values could not be compared with the key.",
                "columns: {order_id: {type: long}}"},
    Explanation{
        "E0876", "a table or range that cannot be backfilled",
        "A backfill reads rows by their cursor, slice by slice, and must not put an old version of a row over a newer "
        "one: it compares `sequence_by`, else the cursor. An append table needs a `dedupe_key` without a window.",
        "firn backfill orders --from 2023-01-01 --to 2024-01-01 --step 30d"},
    Explanation{"E0877", "which backfill is meant is not clear",
                "A table has one open backfill at a time. The same range goes on where it stopped, so does the command "
                "without a range; another range begins when the open one is finished or cancelled.",
                ""},
    Explanation{"E0880", "there are no files to read",
                "The location of a source of files is not there, is no folder, or may not be read.",
                "source: {type: files, location: ./inbox}"},
    Explanation{"E0881", "a file that was loaded has another content",
                "Files are told by their bytes. Loading the new content beside the old one would keep both versions of "
                "its rows, so the table says what is meant.",
                "file_changes: replace"},
    Explanation{"E0882", "a file changed while it was read",
                "What is read must be one version of a file. Write under another name, then rename; or raise `settle`.",
                "settle: 30s"},
    Explanation{"E0883", "what a file holds cannot be told, or is not read", "", "format: csv"},
    Explanation{"E0885", "a packed file that cannot be unpacked",
                "It is damaged, was cut off, or unpacks to over 1,000 times its size.", ""},
    Explanation{"E0886", "the position of a file cannot be read", "", ""},
    Explanation{"E0887", "a Parquet file that cannot be read", "", ""},
    Explanation{"E0888", "typed rows that do not fit their table",
                "Columns of Parquet files keep their types. Where the table has another one that does not hold it "
                "exactly, nothing is changed or cut off: the file is refused.",
                "columns: {total: {type: \"decimal(18, 2)\"}}"},
    Explanation{"E0890", "the sort column is not in the rows", "", "sort_by: [created_at desc]"},
    Explanation{"E0891", "rows cannot be sorted by the column",
                "Engines order uuids differently, and objects and lists not at all.", "sort_by: [\"bucket(16, id)\"]"},
    Explanation{"E0901", "the table was changed behind the stream's back",
                "It was rolled back, or the snapshot with the position is gone. firn does not guess which rows count: "
                "accept the "
                "table as it is, or reset the position.",
                ""},
    Explanation{"E0902", "the stream's state is lost", "Its file beside the metadata is missing or damaged.", ""},
    Explanation{"E0903", "tables of one commit disagree", "They commit together; some have the commit and some do not.",
                ""},
    Explanation{"E0904", "another run was faster", "It moved the stream on. Nothing of this commit is in the table.",
                ""},
    Explanation{"E0905", "fenced by a newer run", "A newer run owns the stream; this one must not write.", ""},
    Explanation{"E0906", "the outcome of a commit is unknown",
                "The catalog did not answer in time. No file was deleted; the next run finds out what happened.", ""},
    Explanation{"E0907", "there is no such branch or tag", "", "firn table branch shop.orders"},
    Explanation{"E0908", "a name that cannot be used for a branch or tag",
                "It exists already, or is empty, has spaces or is longer than 255 bytes; main cannot be dropped.", ""},
    Explanation{"E0909", "no fast-forward",
                "A branch is fast-forwarded to a descendant of its head; anything else would lose commits.", ""},
    Explanation{"E0910", "the audit branch and main have parted",
                "Somebody wrote to main after loads began to wait on the branch. Main does not hold their rows, so the "
                "branch can be discarded: the next run reads them again.",
                "firn table discard shop.orders"},
    Explanation{"E0911", "checks of a table failed",
                "With `publish: audit` the load waits on the branch firn_audit and main is unchanged. Look at it, then "
                "publish it as it is, discard it, or correct the source and run again: the next load joins the branch "
                "and all of it is checked.",
                "firn sql \"from shop.orders at (version => 'firn_audit')\""},
    Explanation{"E0912", "a check that cannot be run", "A column it names is not in the table. It counts as failed.",
                "checks:\n  - not_null: id"},
    Explanation{"E0913", "a snapshot that cannot be cherry-picked",
                "Its added rows can be put on main once, if it only appends, and if the stream that wrote them stands "
                "where they begin. What main's head is the parent of can always be taken.",
                ""},
    Explanation{"E0914", "no ancestor of main", "A rollback goes back to what main was.",
                "firn table rollback shop.orders --to-snapshot 123 --any"},
    Explanation{"E0915", "the position of a stream is not known",
                "It is written in snapshots, and those have expired or another engine picked one where it does not "
                "belong.",
                "firn state set shop.orders '…' --yes"},
    Explanation{"E0916", "loads wait to be published",
                "They are on the branch firn_audit. A commit on main would part the two, so first the branch is "
                "published or discarded.",
                "firn table publish shop.orders"},
    Explanation{"E0917", "tables that are rolled back together",
                "The rows of a child table are read for the rows of its parent. One rolled back alone would lose rows "
                "or get them twice.",
                "firn table rollback shop.orders shop.order_items --to-time 2026-11-21T10:00:00Z"},
    Explanation{
        "E0922", "a full refresh would take most rows away",
        "`--full-refresh` replaces the rows by what the source gives now. When a large part of the table, counted in "
        "rows and in keys, would be gone, an API that gives a part, or that keeps no old rows, is likelier than that "
        "many deletions, so "
        "nothing was changed. `firn run --full-refresh --yes` takes the answer as it is.",
        "firn run --select orders --full-refresh --yes"},
    Explanation{"E0924", "a raw table rolled back alone",
                "A raw table holds the bodies that the rows of its table came of, committed with them. Rolled back "
                "alone it would lack bodies for good, because no run reads again what the table has.",
                "firn table rollback shop.orders shop.orders__raw --to-time 2026-11-21T10:00:00Z"},
    Explanation{
        "E0925", "redirects without an end",
        "A server answered with a redirect to a URL that had been asked, or with more than 10 in a row. Often a "
        "login is missing, or the URL is of another form than the server's own.",
        "base_url: https://api.shop.example/v1"},
    Explanation{
        "E0926", "the keys of a full refresh cannot be compared",
        "Before a table is replaced its keys are compared with those that came, and a file of the table could not "
        "be read. Nothing was changed. `--yes` replaces the table without looking at what it holds.",
        "firn run --select orders --full-refresh --yes"},
    Explanation{
        "E0927", "a connector's API answered what cannot be read",
        "A page that is no JSON (a login page, a body that was cut off) would count as the end of the rows: the "
        "table would miss some, and the position would move past them. Nothing of the table was changed.",
        "firn airbyte read --manifest manifest.yaml --config config.json"},
    Explanation{"E0930", "the table has no such column",
                "Columns are named by their path in the table: total, address.zip, lines.element.price.",
                "firn sql \"DESCRIBE shop.orders\""},
    Explanation{
        "E0931", "a change of the table that would break it",
        "A column is what its field id says. Keys, partition columns and identifiers are not dropped, types only "
        "grow, defaults need format version 3. docs/reference/evolution.md has a table.",
        "firn table alter shop.orders rename-column total amount"},
    Explanation{
        "E0932", "the source still sends a renamed key",
        "renamed_from says that the source calls a key otherwise now. If it sends the old key, its values would "
        "go to a second column of the old name.",
        "columns: {total: {name: amount}}"},
    Explanation{
        "E0933", "a declared type that the column does not have",
        "`columns: {c: {type}}` decides the type of new columns. One that is there can only be widened by it; to "
        "give its rows another type, `firn table retype TABLE.c TYPE` writes them anew, or refuses where a value "
        "does not fit; `--full-refresh` reads them anew. Tables that are replaced take the new type by themselves.",
        "firn table retype shop.orders.total \"decimal(12,2)\""},
    Explanation{"E0934", "a value that the new type cannot hold",
                "`firn table retype` takes every value exactly, or changes nothing. The first that does not fit is "
                "named by file "
                "and row, and shown unless the column is personal data.",
                "firn table retype shop.orders.total string"},
    Explanation{"E0940", "no rows, where there always were some",
                "The load read nothing, and each of the last five had rows. A source that answers with an empty list "
                "for an expired filter, a renamed field or a lost permission looks like this. The load itself is good.",
                "firn runs --table shop.orders"},
    Explanation{"E0941", "far fewer or more rows than usual",
                "The rows read are compared with the median of the last ten ordinary loads (runs with --from, --to, "
                "--max-rows and --full-refresh are left out). The load itself is good.",
                "volume: {min_percent: 50, max_percent: 300}"},
    Explanation{"E0942", "the table is late",
                "The newest value of its time column, or its last completed load, is older than `freshness` allows.",
                "freshness: {warn_after: 6h, error_after: 24h}"},
    Explanation{"E0950", "a table that another program filled",
                "firn writes to such a table only after `firn table adopt` has compared its columns, key and position "
                "with the configuration. docs/guide/adopting.md tells how.",
                "firn table adopt shop.orders --start-position \"max(updated_at)\""},
    Explanation{"E0951", "system columns that are not the table's",
                "dlt and Airbyte add columns of their own to each row, which readers may rely on. `system_columns` "
                "says which set firn writes; it must be the one that the table has.",
                "system_columns: dlt"},
    Explanation{
        "E0952", "a start position that is none",
        "A start position is a value of the cursor, as the source writes it, and inclusive; max(COLUMN) is that of "
        "the cursor's column. Of a table that appends, rows that lie at or after it already must be known again "
        "by key. After the table's last row it would leave a gap that is never read: --accept-gap says that this "
        "is meant.",
        "firn table adopt shop.orders --start-position 2026-01-31T00:00:00Z"},
    Explanation{"E0954", "a state of dlt that cannot be taken over",
                "`firn import dlt-state` takes the last values of dlt's incremental cursors as start positions. Only a "
                "cursor that the table has in the project too, with a value that is text, a number or a time, is one.",
                "firn import dlt-state ~/.dlt/pipelines/shop/state.json --dry-run"},
    Explanation{
        "E0960", "a lake that is not where its metadata says",
        "Iceberg metadata holds whole paths. When the folder or prefix of a lake was moved, `firn lake relocate` "
        "writes the new ones, for all snapshots; all files have to be there first. A copy of a lake is refused to "
        "write "
        "until action: its catalog, copied along, names the original's files.",
        "firn lake relocate --from /old/lake --dry-run"},
    Explanation{"E0970", "a backup that cannot be made",
                "`firn backup` writes one new file with everything that the tables of the catalog refer to below the "
                "warehouse. Tables that were adopted where they were have to be saved by themselves.",
                "firn backup lake-2026-11-22.tar.zst"},
    Explanation{"E0971", "a restore into a folder that is in use",
                "`firn restore` makes a new folder and never writes over anything. One that was cut off goes on in its "
                "folder.",
                "firn restore lake-2026-11-22.tar.zst restored"},
    Explanation{"E0972", "a backup that cannot be used",
                "Every file of a backup has a checksum, which is verified before its catalog is made. A backup of a "
                "newer firn is refused by name.",
                ""},
    Explanation{
        "E0980", "a setting of OpenLineage that is not understood",
        "firn tells an OpenLineage server (OPENLINEAGE_URL) or a file (OPENLINEAGE__TRANSPORT__TYPE=file) what its "
        "loads do. A name or value that it does not know is an error, so that no event is missed in silence.",
        "OPENLINEAGE_DISABLED=true"},
    Explanation{"E0981", "a schedule that the target cannot express",
                "cron counts in even parts of an hour or a day and knows no interval like 7 minutes; systemd and "
                "EventBridge take a day of the month and a day of the week as both, cron as either.",
                "firn generate systemd --schedule \"every 15m\" --output units"},
    Explanation{"E0982", "a zip archive that cannot be read",
                "Its directory is missing or damaged, names a member twice or one outside the archive, or members "
                "overlap. Nothing of it was loaded.",
                ""},
    Explanation{"E0983", "a member of a zip archive that is not read",
                "Members may be stored or deflated, and not encrypted.", "path: \"*.zip/orders-*.csv\""},
    Explanation{
        "E0984", "a Parquet file within an archive is too large",
        "Parquet is read from several places, so a packed one is unpacked into memory: a quarter of it at most.",
        "firn run --memory 8GiB"},
    Explanation{"E0985", "there is no file behind a URL", "The server answers 404 or 410.",
                "source: {type: files, location: https://example.com/exports}"},
    Explanation{"E0986", "a file behind a URL is too large to be read whole",
                "Its server gives no parts of a file, or nothing that tells one version of it from another. So it is "
                "read whole into memory: a quarter of it at most.",
                "firn run --memory 8GiB"},
    Explanation{"E0987", "no project can be made of the files", "Tables are told by the names of files that hold rows.",
                "firn init ./inbox"},
    Explanation{
        "E0988", "a server contradicts itself about a file",
        "HEAD and GET disagree about its size, its version or its parts, and asked again the server says the same. "
        "So it is not told what the file is; nothing of such an answer is loaded.",
        ""},
    Explanation{
        "E0989", "a web page instead of a file",
        "A login, a proxy or an error page was sent with status 200. A server that calls data text/html is told "
        "by nobody from one that sends a page: download such a file into a folder.",
        "auth: {type: bearer, token: \"${env:EXPORTS_TOKEN}\"}"},
    Explanation{"E0991", "a catalog that swaps one table at a time",
                "`raw: table` commits bodies and rows at once. AWS Glue, and REST catalogs without transactions over "
                "several tables, cannot.",
                "raw: archive"},
    Explanation{"E0992", "a table in the place of a raw table",
                "`raw: table` keeps the bodies of a table in `<table>__raw`. There is a table of that name which firn "
                "did not make for it, and nothing is put into it.",
                ""},
};

constexpr bool IsSorted() {
  for (size_t i = 1; i < kExplanations.size(); ++i) {
    if (!(kExplanations[i - 1].code < kExplanations[i].code)) return false;
  }
  return true;
}
static_assert(IsSorted());

}  // namespace

std::span<const Explanation> RunningExplanations() {
  return kExplanations;
}

}  // namespace firn::config
