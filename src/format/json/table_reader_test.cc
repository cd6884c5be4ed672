#include "format/json/table_reader.h"

#include <arrow/array.h>
#include <arrow/pretty_print.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gmock/gmock.h>

#include <numeric>
#include <random>

namespace firn::format::json {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<uint32_t> AllRows(const Page& page) {
  std::vector<uint32_t> rows(page.num_records());
  std::iota(rows.begin(), rows.end(), 0U);
  return rows;
}

struct Read {
  std::shared_ptr<arrow::Table> table;  // of the last batch
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  schema::Schema schema;
  std::vector<QuarantinedRow> quarantined;
  RowCounters counters;
  InferenceReport report;
};

// Reads pages one after the other; batches with an older schema are widened to the last one.
Result<Read> ReadPages(const std::vector<std::string>& bodies, TableReaderOptions options = {}) {
  ARROW_ASSIGN_OR_RAISE(auto reader, TableReader::Open(std::move(options)));
  Read read;
  const auto drain = [&]() -> Status {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto next, reader->Pop());
      if (!next) return Status::OK();
      ARROW_RETURN_NOT_OK(next->batch->ValidateFull());
      read.batches.push_back(next->batch);
      for (auto& row : next->quarantined) read.quarantined.push_back(std::move(row));
      read.counters.rows += next->counters.rows;
      read.counters.duplicate_keys += next->counters.duplicate_keys;
      read.counters.sibling_values += next->counters.sibling_values;
      read.counters.deferred_values += next->counters.deferred_values;
      read.counters.discarded_values += next->counters.discarded_values;
    }
  };
  uint64_t tag = 0;
  for (const std::string& body : bodies) {
    ARROW_ASSIGN_OR_RAISE(auto page, Page::Parse(body, {}));
    ARROW_RETURN_NOT_OK(reader->Push(page, AllRows(*page), tag++));
    ARROW_RETURN_NOT_OK(drain());
  }
  ARROW_RETURN_NOT_OK(reader->Finish());
  ARROW_RETURN_NOT_OK(drain());
  read.schema = *reader->schema();
  read.report = reader->report();
  ARROW_ASSIGN_OR_RAISE(read.table, arrow::Table::FromRecordBatches({read.batches.back()}));
  return read;
}

std::string Types(const std::vector<schema::Field>& fields);
std::string TypeText(const schema::Type& type) {
  if (type.id == schema::TypeId::kStruct) return "{" + Types(type.children) + "}";
  if (type.id == schema::TypeId::kList) return "[" + TypeText(*type.children[0].type) + "]";
  if (type.id == schema::TypeId::kMap) return "map<" + TypeText(*type.children[1].type) + ">";
  return schema::ToString(type);
}
std::string Types(const std::vector<schema::Field>& fields) {
  std::string text;
  for (const schema::Field& field : fields)
    text += (text.empty() ? "" : ", ") + field.name + ": " + TypeText(*field.type);
  return text;
}

// Returns a column of the last batch as one line of JSON-like text.
std::string Values(const Read& read, const std::string& column) {
  const auto chunked = read.table->GetColumnByName(column);
  if (!chunked) return "missing";
  std::string text;
  for (int64_t i = 0; i < chunked->length(); ++i) {
    text += (i > 0 ? "|" : "") + chunked->GetScalar(i).ValueOrDie()->ToString();
  }
  return text;
}

Read MustRead(const std::vector<std::string>& bodies, TableReaderOptions options = {}) {
  auto read = ReadPages(bodies, std::move(options));
  EXPECT_TRUE(read.ok()) << read.status().ToString();
  return read.ok() ? *std::move(read) : Read{};
}

TEST(TableReader, InfersPlainTypes) {
  const Read read = MustRead(
      {R"({"i":1,"d":1.5,"s":"x","b":true,"n":null,"day":"2024-02-29","t":"2024-01-01T00:00:00Z","u":"2024-01-01 00:00:00.5"}
{"i":-2,"d":2,"s":"y","b":false,"n":null,"day":"1969-12-31","t":"2024-01-01T02:00:00+02:00","u":"2024-01-01T00:00:01"})"});
  EXPECT_EQ(Types(read.schema.fields),
            "i: long, d: double, s: string, b: boolean, day: date, t: timestamptz, u: timestamp");
  EXPECT_EQ(Values(read, "i"), "1|-2");
  EXPECT_EQ(Values(read, "d"), "1.5|2");
  EXPECT_EQ(Values(read, "t"), "2024-01-01 00:00:00.000000Z|2024-01-01 00:00:00.000000Z");
  EXPECT_EQ(Values(read, "u"), "2024-01-01 00:00:00.500000|2024-01-01 00:00:01.000000");
  EXPECT_EQ(Values(read, "day"), "2024-02-29|1969-12-31");
}

TEST(TableReader, KeepsNumbersExact) {
  EXPECT_EQ(Types(MustRead({R"({"a":9007199254740992} {"a":0.5})"}).schema.fields), "a: double");
  EXPECT_EQ(Types(MustRead({R"({"a":9007199254740993} {"a":0.5})"}).schema.fields), "a: long, a__double: double");
  EXPECT_EQ(Types(MustRead({R"({"a":0.5} {"a":9007199254740993})"}).schema.fields), "a: double, a__long: long");
  EXPECT_EQ(Types(MustRead({R"({"a":9223372036854775807} {"a":-9223372036854775808})"}).schema.fields), "a: long");
  EXPECT_EQ(Types(MustRead({R"({"a":9223372036854775808})"}).schema.fields), "a: decimal(19, 0)");
  EXPECT_EQ(Types(MustRead({R"({"a":1} {"a":12345678901234567890123})"}).schema.fields), "a: decimal(23, 0)");
  EXPECT_EQ(Types(MustRead({R"({"a":0.1234567890123456789})"}).schema.fields),
            "a: double, a__decimal: decimal(19, 19)");
  EXPECT_EQ(Types(MustRead({R"({"a":1e400})"}).schema.fields), "a: double, a__string: string");
  EXPECT_EQ(Types(MustRead({R"({"a":1E5})"}).schema.fields), "a: double");
  const std::string huge(400, '7');
  const Read text = MustRead({"{\"a\":1} {\"a\":" + huge + "}"});
  EXPECT_EQ(Types(text.schema.fields), "a: decimal(19, 0), a__string: string");
  EXPECT_EQ(Values(text, "a__string"), "null|" + huge);
  EXPECT_EQ(Values(MustRead({R"({"a":-0} {"a":5})"}), "a"), "0|5");
  EXPECT_EQ(Values(MustRead({R"({"a":-0.0} {"a":0.5})"}), "a"), "-0|0.5");
}

TEST(TableReader, KeepsFirstTypeAndAddsSiblings) {
  const Read read = MustRead({R"({"x":1} {"x":"one"} {"x":true} {"x":{"a":2}} {"x":[1,2]} {"x":null} {})"});
  EXPECT_EQ(Types(read.schema.fields),
            "x: long, x__string: string, x__bool: boolean, x__struct: {a: long}, x__list: [long]");
  EXPECT_EQ(Values(read, "x"), "1|null|null|null|null|null|null");
  EXPECT_EQ(Values(read, "x__string"), "null|one|null|null|null|null|null");
  EXPECT_EQ(read.schema.fields[1].doc, "firn:sibling key=x");
  EXPECT_EQ(read.counters.sibling_values, 4);
}

TEST(TableReader, TypesNestedValues) {
  const Read read = MustRead(
      {R"({"o":{"a":1,"b":{"c":"x"}},"l":[{"k":1},{"k":2,"m":[1.5]}],"e":{},"f":[],"mix":[1,"a",{"b":2}],"n":[null]})"});
  EXPECT_EQ(Types(read.schema.fields),
            "o: {a: long, b: {c: string}}, l: [{k: long, m: [double]}], e: {_empty: boolean}, mix: [string]");
  EXPECT_THAT(Values(read, "mix"), HasSubstr("{\"b\":2}"));
  EXPECT_EQ(read.counters.deferred_values, 2);
}

TEST(TableReader, RenamesKeysThatCannotKeepTheirName) {
  const Read read = MustRead({R"({"name":1,"Name":2,"":3,"_op":4,"_firn_x":5,"a":{"_empty":6,"B":7,"b":8}})"});
  EXPECT_EQ(Types(read.schema.fields),
            "name: long, Name__2: long, __2: long, _op__2: long, _firn_x__2: long, a: {_empty__2: long, B: long, b__2: "
            "long}");
  EXPECT_EQ(Values(read, "Name__2"), "2");
  EXPECT_EQ(ReadPages({R"({"Name":9,"name":8})"}, {.known = read.schema}).ValueOrDie().counters.sibling_values, 0);
}

TEST(TableReader, LastDuplicateWins) {
  const Read read = MustRead({R"({"a":"x","a":"yy","o":{"k":[1,2]},"o":{"k":[3]},"z":1,"z":null})"});
  EXPECT_EQ(Values(read, "a"), "yy");
  EXPECT_THAT(Values(read, "o"), HasSubstr("3"));
  EXPECT_THAT(Values(read, "o"), ::testing::Not(HasSubstr("1")));
  EXPECT_EQ(Values(read, "z"), "null");
  EXPECT_EQ(read.counters.duplicate_keys, 3);
  // Also for a key that gets its column in the same object.
  const Read late = MustRead({R"({"a":1})", R"({"b":"x","b":"yy","a":2})"}, {.prefix_bytes = 1});
  EXPECT_EQ(Values(late, "b"), "yy");
  EXPECT_EQ(late.counters.duplicate_keys, 1);
}

TEST(TableReader, DecodesStrings) {
  const Read read = MustRead(
      {R"({"s":"a\n\t\"\\\/\u00e9\ud83d\ude00"} {"s":"grüße"} {"s":""} {"s":"\ud800"} {"s":"0123456789abcdef"})"});
  EXPECT_EQ(read.table->num_rows(), 4);
  EXPECT_EQ(Values(read, "s"), "a\n\t\"\\/é😀|grüße||0123456789abcdef");
  ASSERT_EQ(read.quarantined.size(), 1U);
  EXPECT_THAT(read.quarantined[0].reason, HasSubstr("lone surrogate"));
  EXPECT_EQ(read.quarantined[0].path, "s");
  EXPECT_TRUE(read.quarantined[0].parsable);
  EXPECT_EQ(read.quarantined[0].ordinal, 3U);
}

TEST(TableReader, QuarantinesBrokenRecordsAlone) {
  const Read read = MustRead(
      {"{\"a\":1}\n{\"a\":tru}\n{\"a\":\n{\"a\":2}\n{\"a\":01}\n{\"a\":1 \"b\":2}\n[1]\n7\n{\"a\":3}}\n{\"a\":4,}\n"
       "{\"s\":\"bad\\q\"}\n{\"secret12\n{\"a\":5}\n{\"n\":{\"m\":[1,2}}\n{\"a\":6}"});
  EXPECT_EQ(Values(read, "a"), "1|2|5|6");
  EXPECT_EQ(read.quarantined.size(), 11U);
  for (const auto& row : read.quarantined) EXPECT_THAT(row.text, ::testing::Not(HasSubstr("secret"))) << row.reason;
}

TEST(TableReader, GrowsAfterThePrefix) {
  const Read read =
      MustRead({R"({"a":1,"o":{"k":1}})", R"({"a":"x","o":{"k":2,"new":"2024-01-01"},"b":[{"c":1.5}],"d":null})",
                R"({"a":12345678901234567890,"o":{"k":[1]},"b":[{"c":2,"e":true}],"d":{"x":1}})"},
               {.prefix_bytes = 1});
  EXPECT_EQ(Types(read.schema.fields),
            "a: long, o: {k: long, new: date, k__list: [long]}, a__string: string, b: [{c: double, e: boolean}], "
            "a__decimal: decimal(20, 0), d: {x: long}");
}

TEST(TableReader, PromotesColumnsOfAnExistingTable) {
  schema::Schema known{.fields = {{1, "i", schema::Int()},
                                  {2, "f", schema::Float()},
                                  {3, "d", schema::Decimal(4, 2)},
                                  {4, "l", schema::List({5, "element", schema::Int()})}}};
  const Read read = MustRead(
      {R"({"i":1,"f":0.5,"d":12.34,"l":[1]} {"i":3000000000,"f":0.1,"d":123.4,"l":[2,3000000000]} {"d":0.001,"i":"x"})"},
      {.known = known});
  EXPECT_EQ(Types(read.schema.fields),
            "i: long, f: double, d: decimal(5, 2), l: [long], d__double: double, i__string: string");
  EXPECT_EQ(Values(read, "i"), "1|3000000000|null");
  EXPECT_EQ(Values(read, "d"), "12.34|123.40|null");
  EXPECT_EQ(read.schema.fields[0].id, 1);
  EXPECT_EQ(read.schema.fields[4].id, 0);
}

TEST(TableReader, ObeysContracts) {
  schema::Schema known{.fields = {{1, "a", schema::Long()}}};
  const std::string body = R"({"a":1} {"a":"x"} {"a":2,"b":1})";
  const auto with = [&](ContractMode mode) { return TableReaderOptions{.known = known, .contract = {mode, mode}}; };
  EXPECT_EQ(FaultOf(ReadPages({body}, with(ContractMode::kFreeze)).status()), Fault::kContract);
  const Read rows = MustRead({body}, with(ContractMode::kDiscardRow));
  EXPECT_EQ(Values(rows, "a"), "1");
  EXPECT_EQ(rows.quarantined.size(), 2U);
  const Read values = MustRead({body}, with(ContractMode::kDiscardValue));
  EXPECT_EQ(Values(values, "a"), "1|null|2");
  EXPECT_EQ(values.counters.discarded_values, 2);
}

TEST(TableReader, UsesDeclaredTypes) {
  TableReaderOptions options;
  options.hints = {{.path = "total", .type = schema::Decimal(12, 2)},
                   {.path = "at", .type = schema::TimestampTz(), .format = "epoch_ms"},
                   {.path = "raw", .as_json = true},
                   {.path = "m", .as_map = true},
                   {.path = "zip", .type = schema::String()},
                   {.path = "local", .type = schema::TimestampTz(), .timezone = "+02:00"}};
  const Read read = MustRead(
      {R"({"total":"12.50","at":1700000000123,"raw":{"a": [1]},"m":{"x":1,"y":2},"zip":123,"local":"2024-01-01T02:00:00"} {"total":0.125})"},
      options);
  EXPECT_EQ(Types(read.schema.fields),
            "total: decimal(12, 2), at: timestamptz, raw: string, m: map<long>, zip: string, "
            "local: timestamptz, total__double: double");
  EXPECT_EQ(Values(read, "total"), "12.50|null");
  EXPECT_EQ(Values(read, "raw"), "{\"a\": [1]}|null");
  EXPECT_EQ(Values(read, "zip"), "123|null");
  EXPECT_EQ(Values(read, "at"), "2023-11-14 22:13:20.123000Z|null");
  EXPECT_EQ(Values(read, "local"), "2024-01-01 00:00:00.000000Z|null");
}

TEST(TableReader, MasksBeforeAnythingElse) {
  TableReaderOptions options;
  options.masks = {{.path = "email", .method = MaskMethod::kSha256},
                   {.path = "user.ssn"},
                   {.path = "ip", .method = MaskMethod::kIp},
                   {.path = "drop", .method = MaskMethod::kNull}};
  options.hints = {{.path = "blob", .as_json = true}};
  options.masks.push_back({.path = "blob.pw"});
  options.prefix_bytes = 1;
  const auto read = MustRead(
      {R"({"email":"CANARY","user":{"ssn":{"CANARY":1}},"ip":"10.1.2.3","drop":"CANARY","blob":{"pw":"CANARY","x":[1]}})",
       R"({"email":["CANARY"],"user":[{"ssn":"CANARY","k":1}],"ip":"CANARY","drop":5,"user2":1,"blob":[{"pw":"CANARY"}]})",
       R"({"email":"\ud800CANARY","bad":"\ud800","user":{"ssn":"CANARY"}})",
       "{\"a\":1}\n{\"email\":\"CANARY\n{\"a\":CANARY}"},
      options);
  for (const auto& batch : read.batches) EXPECT_THAT(batch->ToString(), ::testing::Not(HasSubstr("CANARY")));
  EXPECT_THAT(read.batches[0]->ToString(), HasSubstr("10.1.2.0"));
  EXPECT_EQ(read.quarantined.size(), 3U);
  for (const auto& row : read.quarantined) EXPECT_THAT(row.text, ::testing::Not(HasSubstr("CANARY"))) << row.text;
}

TEST(TableReader, TurnsMapsAndOverflowIntoJson) {
  std::string wide = "{\"top\":1,\"m\":{";
  for (int i = 0; i < 250; ++i) wide += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
  wide += "}}";
  const Read map = MustRead({wide});
  EXPECT_EQ(Types(map.schema.fields), "top: long, m: string");
  const Read overflow = MustRead({R"({"a":{"x":1,"y":2},"b":{"x":1,"y":2,"z":3},"c":1})"}, {.max_leaves = 4});
  EXPECT_EQ(Types(overflow.schema.fields), "a: {x: long, y: long}, b: string, c: long");
  EXPECT_EQ(overflow.report.notes.back().path, "b");
}

TEST(TableReader, DeepNestingBecomesJson) {
  std::string deep;
  for (int i = 0; i < 80; ++i) deep += "{\"k\":";
  deep += "1" + std::string(80, '}');
  const Read read = MustRead({deep});
  EXPECT_EQ(read.table->num_rows(), 1);
  const schema::Type* type = read.schema.fields[0].type.get();
  int levels = 1;
  for (; type->id == schema::TypeId::kStruct; ++levels) type = type->children[0].type.get();
  EXPECT_EQ(levels, 64);
  EXPECT_EQ(type->id, schema::TypeId::kString);
  EXPECT_EQ(MustRead({"{\"a\":1}\n" + std::string(5000, '[') + std::string(5000, ']')}).table->num_rows(), 1);
}

TEST(TableReader, ABrokenLineDoesNotReachIntoItsNeighbours) {
  // Each was once read as if it went on in the next line.
  const Read read = MustRead({"{\"a\":1}\n{\"new\":\n{\"a\":2}}\n{\"a\"\n:\"x{\n{\"a\":\n\"y\n{\"a\":3}\n"});
  EXPECT_EQ(Types(read.schema.fields), "a: long");
  EXPECT_EQ(Values(read, "a"), "1|3");
  EXPECT_EQ(read.quarantined.size(), 6U);
}

TEST(TableReader, TakesThreeThousandLeaves) {
  std::string row = "{";
  for (int i = 0; i < 3000; ++i) row += (i ? ",\"c" : "\"c") + std::to_string(i) + "\":" + std::to_string(i);
  row += "}\n";
  std::string body;
  for (int i = 0; i < 20; ++i) body += row;
  const Read read = MustRead({body, body}, {.num_threads = 2});
  EXPECT_EQ(read.schema.fields.size(), 3000U);
  EXPECT_EQ(read.table->num_rows(), 20);
  EXPECT_EQ(read.table->column(2999)->GetScalar(19).ValueOrDie()->ToString(), "2999");
}

TEST(TableReader, TakesHugeStrings) {
  const std::string text(5'000'000, 'x');
  const Read read = MustRead({"{\"s\":\"" + text + "\\n\"}\n{\"s\":\"\"}"});
  EXPECT_EQ(Values(read, "s"), text + "\n|");
}

TEST(TableReader, KeysThatBecomeAMapAfterThePrefixGoToJson) {
  std::vector<std::string> bodies = {R"({"id":0,"m":{"first":1}})"};
  for (int i = 0; i < 300; ++i) bodies.push_back("{\"id\":1,\"m\":{\"k" + std::to_string(i) + "\":1}}");
  const Read read = MustRead(bodies, {.prefix_bytes = 1});
  ASSERT_EQ(read.schema.fields.size(), 3U);
  EXPECT_EQ(read.schema.fields[2].name, "m__json");
  EXPECT_EQ(Values(read, "m__json"), "{\"k299\":1}");
  EXPECT_TRUE(read.quarantined.empty());
}

}  // namespace
}  // namespace firn::format::json
