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

// A struct that no row of a batch has takes a share of nulls with all below it; a row that began one and failed leaves
// nothing behind for the next batch.
TEST(TableReader, SharesNullsOfAbsentColumns) {
  const std::string types = R"({"id":1,"s":{"t":{"n":1,"x":"a","l":[{"k":true}]},"u":2.5}})";
  std::string absent;
  for (int i = 0; i < 100; ++i) absent += "{\"id\":" + std::to_string(i) + "}\n";
  const std::string broken = R"({"id":2}
{"id":3,"s":{"t":{"n":7,"x":"lost","l":[{"k":false},{"k":false}]},"u":tru}}
{"id":4})";
  const std::string late = R"({"id":5}
{"id":6,"s":{"t":{"n":8,"x":"kept","l":[{"k":true}]}}})";
  TableReaderOptions options;
  options.prefix_bytes = 1;
  const Read read = MustRead({types, absent, broken, absent + absent, late}, options);
  ASSERT_EQ(read.batches.size(), 5u);
  for (const size_t i : {1u, 2u, 3u})
    EXPECT_EQ(read.batches[i]->GetColumnByName("s")->null_count(), read.batches[i]->num_rows());
  EXPECT_EQ(read.batches[1]->GetColumnByName("s")->length(), 100);
  EXPECT_EQ(read.batches[2]->num_rows(), 2);
  EXPECT_EQ(read.quarantined.size(), 1u);
  EXPECT_EQ(Values(read, "id"), "5|6");
  EXPECT_EQ(Values(read, "s"),
            "null|{t:struct<n: int64, x: string, l: list<element: struct<k: bool>>> = {n:int64 = 8, x:string = kept, "
            "l:list<element: struct<k: bool>> = list<element: struct<k: bool>>[{k:bool = true}]}, u:double = null}");
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

// What a source's schema says fills gaps; values that say otherwise win, and lose nothing.
TEST(TableReader, ExpectedTypesDecideWhatValuesLeaveOpen) {
  TableReaderOptions options;
  const auto expect = [&](const char* path, schema::TypePtr type) {
    options.hints.push_back({.path = path, .type = std::move(type), .is_expected = true});
  };
  expect("whole", schema::Double());
  expect("day", schema::String());
  expect("nothing", schema::Long());
  expect("unseen", schema::TimestampTz());
  expect("wrong", schema::Long());
  expect("large", schema::Double());
  expect("list", schema::String());
  expect("deep.nothing", schema::Boolean());
  const Read read = MustRead({R"({"whole":1,"day":"2024-01-02","nothing":null,"wrong":"x","large":9007199254740993,
    "list":[],"deep":{"nothing":null,"n":1},"other":2})"},
                             std::move(options));
  EXPECT_EQ(Types(read.schema.fields),
            "whole: double, day: string, nothing: long, wrong: string, large: long, list: [string], deep: {nothing: "
            "boolean, n: long}, "
            "other: long, unseen: timestamptz");
  EXPECT_EQ(Values(read, "large"), "9007199254740993");
  EXPECT_EQ(Values(read, "day"), "2024-01-02");
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

TEST(TableReader, PathsWithDotsAreOfOneColumnAlone) {
  const std::string flat = R"({"a.b":1,"a":{"b":2},"c.d":3,"c":4,"x":{"y.z":1,"y":{"z":2}},"l":[1],"l.element":5})";
  EXPECT_EQ(Types(MustRead({flat}).schema.fields),
            "a.b__2: long, a: {b: long}, c.d: long, c: long, x: {y.z__2: long, y: {z: long}}, l: [long], "
            "l.element__2: long");
  EXPECT_EQ(
      Types(MustRead({R"({"a":{"b":2},"d.e":1})", R"({"a.b":1,"d":{"e":2}})"}, {.prefix_bytes = 1}).schema.fields),
      "a: {b: long}, d.e: long, a.b__2: long, d__2: {e: long}");
  schema::Schema known{.fields = {{1, "a", schema::Struct({{2, "b", schema::Long()}})}, {3, "d.e", schema::Long()}}};
  EXPECT_EQ(Types(MustRead({R"({"a.b":1,"d":{"e":2}})"}, {.known = known}).schema.fields),
            "a: {b: long}, d.e: long, a.b__2: long, d__2: {e: long}");
}

TEST(TableReader, ANameThatSqlCannotWriteIsChanged) {
  const Read read = MustRead({R"({"a\u0000b":1,"c\nd":2,"a_b":3})"});
  EXPECT_EQ(Types(read.schema.fields), "a_b__2: long, c\nd: long, a_b: long");
  EXPECT_EQ(Values(read, "a_b__2"), "1");
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

TEST(TableReader, AKeyNamedLikeASiblingKeepsItsColumn) {
  const schema::Schema known{.fields = {{1, "a", schema::Long()}, {2, "a__string", schema::String()}}};
  const Read read = MustRead({R"({"a":"x","a__string":"mine"} {"a":1,"a__string":"too"})"}, {.known = known});
  EXPECT_EQ(Types(read.schema.fields), "a: long, a__string: string, a__string__2: string");
  EXPECT_EQ(Values(read, "a__string"), "mine|too");
  EXPECT_EQ(Values(read, "a__string__2"), "x|null");
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

TEST(TableReader, RefusesAMaskOnAColumnThatIsNotText) {
  const schema::Schema known{.fields = {{1, "n", schema::Long()},
                                        {2, "o", schema::Struct({{3, "k", schema::Double()}})},
                                        {4, "l", schema::List({5, "element", schema::Int()})},
                                        {6, "s", schema::String()}}};
  for (const std::string path : {"n", "o", "o.k", "l"}) {
    for (const MaskMethod method : {MaskMethod::kRedact, MaskMethod::kNull}) {
      const auto read = ReadPages({R"({"n":123,"o":{"k":1.5},"l":[1]})"},
                                  {.known = known, .masks = {{.path = path, .method = method}}});
      EXPECT_EQ(FaultOf(read.status()), Fault::kConfig) << path;
      EXPECT_EQ(ContextOf(read.status())->code, "E0873") << path << ": " << read.status();
    }
  }
  EXPECT_EQ(Values(MustRead({R"({"s":"secret"})"}, {.known = known, .masks = {{.path = "s"}}}), "s"), "***");
}

TEST(TableReader, ObeysContracts) {
  schema::Schema known{.fields = {{1, "a", schema::Long()}}};
  const std::string body = R"({"a":1} {"a":"x"} {"a":2,"b":1})";
  const auto with = [&](ContractMode mode) { return TableReaderOptions{.known = known, .contract = {mode, mode}}; };
  EXPECT_EQ(FaultOf(ReadPages({body}, with(ContractMode::kFreeze)).status()), Fault::kContract);
  const Read rows = MustRead({body}, with(ContractMode::kDiscardRow));
  EXPECT_EQ(Values(rows, "a"), "1");
  EXPECT_EQ(rows.quarantined.size(), 2U);
  TableReaderOptions strict = with(ContractMode::kDiscardRow);
  strict.on_bad = OnBadRecord::kFail;  // which is about records that cannot be read
  EXPECT_EQ(MustRead({body}, strict).quarantined.size(), 2U);
  EXPECT_EQ(FaultOf(ReadPages({R"({"a":1} {"a":"x"} {"a":tru})"}, strict).status()), Fault::kBadData);
  const Read values = MustRead({body}, with(ContractMode::kDiscardValue));
  EXPECT_EQ(Values(values, "a"), "1|null|2");
  EXPECT_EQ(values.counters.discarded_values, 2);
}

TEST(TableReader, QuarantinesKeysOfAnotherTypeInsteadOfAddingAColumn) {
  schema::Schema known{.fields = {{1, "id", schema::Int()}, {2, "n", schema::Long()}}};
  const std::string body = R"({"id":1,"n":1} {"id":"x","n":2} {"id":3000000000,"n":"x"})";
  const Read read = MustRead({body}, {.known = known, .key_columns = {"id"}, .on_bad = OnBadRecord::kFail});
  EXPECT_EQ(Types(read.schema.fields), "id: long, n: long, n__string: string");
  EXPECT_EQ(Values(read, "id"), "1|3000000000");
  ASSERT_EQ(read.quarantined.size(), 1U);
  EXPECT_EQ(read.quarantined[0].reason, "the primary key has a value of another type");
  EXPECT_EQ(read.quarantined[0].path, "id");
}

TEST(TableReader, RowsWithoutAKeyGetItsDefaultAndNullsStayNull) {
  const schema::Schema known{.fields = {{1, "id", schema::Int()},
                                        {2, "amount", schema::Long(), false, "firn:key=total"},
                                        {3, "currency", schema::String()}}};
  const int64_t seven = 7;
  const std::vector<ColumnDefault> defaults = {
      {.key = "total", .value = std::string(reinterpret_cast<const char*>(&seven), 8)},
      {.key = "currency", .value = "EUR"}};
  const std::string body = R"({"id":1} {"id":2,"total":null,"currency":null} {"id":3,"total":5,"currency":"USD"}
                              {"total":"x","id":4} {"currency":"CHF","id":5})";
  const Read read = MustRead({body}, {.known = known, .defaults = defaults});
  EXPECT_EQ(Values(read, "amount"), "7|null|5|null|7");  // a value of another type is no missing one
  EXPECT_EQ(Values(read, "currency"), "EUR|null|USD|EUR|CHF");
  EXPECT_EQ(Values(read, "amount__string"), "null|null|null|x|null");
}

TEST(TableReader, AMaskToNothingMakesNoColumnOfAKeyThatIsNotWanted) {
  TableReaderOptions options;
  options.masks = {{.path = "gone", .method = MaskMethod::kNull, .key = ""},
                   {.path = "a.gone", .method = MaskMethod::kNull, .key = ""}};
  const std::string body = R"({"id":1,"gone":5,"a":{"x":1,"gone":{"y":2}}})";
  EXPECT_EQ(Types(MustRead({body}, options).schema.fields), "id: long, a: {x: long}");
  options.known = schema::Schema{.fields = {{1, "id", schema::Long()}}};
  options.contract = {.columns = ContractMode::kFreeze};
  EXPECT_EQ(Types(MustRead({R"({"id":1,"gone":5})"}, options).schema.fields), "id: long");
}

TEST(TableReader, TakesBytesAndNanosecondsExactlyOrBesideTheColumn) {
  TableReaderOptions options;
  options.hints = {{.path = "b", .type = schema::Binary()},
                   {.path = "h", .type = schema::Binary(), .format = "hex"},
                   {.path = "f", .type = schema::Fixed(3)},
                   {.path = "n", .type = schema::TimestampNs()},
                   {.path = "z", .type = schema::TimestampTzNs()}};
  const Read read = MustRead(
      {R"({"b":"/wA=","h":"FF00","f":"AAEC","n":"2025-01-01T00:00:00.123456789","z":"1970-01-01T01:00:00.000000001+01:00"} {"b":"\/wA=","h":"f","f":"AAE=","n":"2025-01-01T00:00:00.1234567891","z":"3000-01-01T00:00:00Z"} {"b":"","f":null})"},
      options);
  EXPECT_EQ(
      Types(read.schema.fields),
      "b: binary, h: binary, f: fixed[3], n: timestamp_ns, z: timestamptz_ns, h__string: string, f__string: string, "
      "n__string: string, z__string: string");
  const auto& batch = *read.batches.back();
  EXPECT_EQ(static_cast<const arrow::BinaryArray&>(*batch.GetColumnByName("b")).GetView(0),
            std::string_view("\xff\x00", 2));
  EXPECT_EQ(static_cast<const arrow::BinaryArray&>(*batch.GetColumnByName("b")).GetView(1),
            std::string_view("\xff\x00", 2));
  EXPECT_EQ(static_cast<const arrow::BinaryArray&>(*batch.GetColumnByName("h")).GetView(0),
            std::string_view("\xff\x00", 2));
  EXPECT_EQ(static_cast<const arrow::FixedSizeBinaryArray&>(*batch.GetColumnByName("f")).GetView(0),
            std::string_view("\x00\x01\x02", 3));
  EXPECT_TRUE(batch.GetColumnByName("f")->IsNull(1));
  EXPECT_EQ(
      static_cast<const arrow::Int64Array&>(*batch.GetColumnByName("n")->View(arrow::int64()).ValueOrDie()).Value(0),
      1735689600123456789);
  EXPECT_EQ(
      static_cast<const arrow::Int64Array&>(*batch.GetColumnByName("z")->View(arrow::int64()).ValueOrDie()).Value(0),
      1);
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

TEST(TableReader, LocalTimesOfAZone) {
  TableReaderOptions options;
  options.hints = {{.path = "d", .type = schema::TimestampTz(), .timezone = "Europe/Berlin"}};
  const Read read = MustRead({R"({"d":"2024-07-01 10:00:00"} {"d":"2024-01-01T10:00:00"} {"d":"2024-10-27 02:30:00"}
                                 {"d":"2024-07-01T10:00:00Z"} {"d":"2024-03-31 02:30:00"})"},
                             options);
  // An hour that comes twice is the earlier one; one that clocks skip is no time.
  EXPECT_EQ(Values(read, "d"),
            "2024-07-01 08:00:00.000000Z|2024-01-01 09:00:00.000000Z|2024-10-27 00:30:00.000000Z|"
            "2024-07-01 10:00:00.000000Z|null");
  EXPECT_EQ(Values(read, "d__string"), "null|null|null|null|2024-03-31 02:30:00");
  options.hints[0].timezone = "Europe/Nowhere";
  EXPECT_EQ(FaultOf(TableReader::Open(options).status()), Fault::kConfig);
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
  // A list is two levels of a Parquet schema, whose readers stop at 100.
  const Read lists = MustRead({"{\"l\":" + std::string(60, '[') + "1" + std::string(60, ']') + "}"});
  int lists_deep = 0;
  for (type = lists.schema.fields[0].type.get(); type->id == schema::TypeId::kList; ++lists_deep) {
    type = type->children[0].type.get();
  }
  EXPECT_EQ(lists_deep, 48);
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
