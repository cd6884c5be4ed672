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
    Explanation{"E0432", "the same page came twice in a row",
                "The API ignores the paging parameter. Declare how it really pages, or paginate: none.",
                "paginate: none"},
    Explanation{"E0433", "too many pages", "The slice has more pages than paginate.pages_max allows.",
                "paginate: {type: page, pages_max: 5000000}"},
    Explanation{"E0434", "a request would leave the host of base_url",
                "Credentials are sent to the host of base_url alone. A next-page link to another host is refused.", ""},
    Explanation{"E0435", "there are more pages, but not how to ask for them",
                "Detection saw signs of more pages (a full page, a total) and no token, link or parameter it knows.",
                "paginate: {type: page, param: page, page_size: 100, size_param: per_page}"},
    Explanation{"E0436", "paging cannot go on",
                "The body says there is more but lacks the token or flag that paging needs.", ""},
    Explanation{"E0437", "a cursor value does not fit",
                "Values of a cursor must be comparable: all numbers, all times or all text, in the declared format.",
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
    Explanation{"E0450", "an expression that cannot be read", "", "path: /orders/{{ parent.id }}/items"},
    Explanation{"E0451", "an expression names something that is not there",
                "Requests see parent, partition, incremental and the functions; delete_when sees record.", ""},
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
    Explanation{"E0608", "a record cannot be decoded", "", "on_error: quarantine"},
    Explanation{"E0609", "the schema is frozen",
                "schema_contract: freeze stops a table at the first key or value it has no place for.",
                "schema_contract: {columns: evolve, types: discard_row}"},
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
    Explanation{"E0709", "the table cannot be read exactly",
                "It has something this build cannot apply, such as delete files.", ""},
    Explanation{"E0751", "no such run", "firn runs lists them; the beginning of an id is enough, `last` is the newest.",
                ""},
    Explanation{"E0752", "the pipeline is already running",
                "One run of a pipeline at a time on a machine. The lock of a dead process is void at once.", ""},
    Explanation{"E0753", "state of a newer firn", "An older firn does not touch what a newer one wrote.", ""},
    Explanation{"E0754", "the state database cannot be written", "It only holds history; tables are not affected.", ""},
    Explanation{"E0801", "a file is missing", "", ""},
    Explanation{"E0810", "the state of a stream is no state", "", ""},
    Explanation{"E0811", "the state of a stream is of a newer firn", "", ""},
    Explanation{"E0812", "the position belongs to another request",
                "Cursor, key, paging or address changed. The old position would skip or double rows.", ""},
    Explanation{"E0813", "a new child of a parent that appends",
                "Children are asked only of parents read in the same run; older parents would have none.", ""},
    Explanation{"E0814", "reading an append table again doubles it", "", ""},
    Explanation{"E0820", "the key is not in the rows", "", "primary_key: id"},
    Explanation{"E0821", "the partition column is not in the rows", "", "partition_by: [day(created_at)]"},
    Explanation{"E0830", "a replace read nothing",
                "Replacing a full table by an empty one is more often an accident than meant.", "allow_empty: true"},
    Explanation{"E0831", "--max-rows cut an append where it cannot resume", "", ""},
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
    Explanation{"E0863", "the raw archive does not hold the whole table",
                "Runs are missing, for example past `raw: {retention}`, or the position was set by hand.", ""},
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
