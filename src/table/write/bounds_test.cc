#include "table/write/bounds.h"

#include <cmath>

#include "table/metadata/literal.h"
#include "table/write/write_test_support.h"

namespace firn::table {
namespace {

using testing::BatchOf;
using testing::Must;

std::vector<ColumnMetrics> MetricsOf(const schema::Schema& schema, const std::vector<std::string>& batches,
                                     const MetricsOptions& options = {}) {
  auto collector = Must(MetricsCollector::Make(schema, options));
  for (const std::string& rows : batches) {
    EXPECT_TRUE(collector.Add(*BatchOf(schema, rows), arrow::default_memory_pool()).ok());
  }
  return collector.Finish();
}

schema::Schema One(schema::TypePtr type) {
  return {.fields = {{.id = 7, .name = "c", .type = std::move(type)}}};
}

std::string Bound(const std::optional<std::string>& bytes, const schema::TypePtr& type) {
  return bytes ? ToString(Must(FromSingleValue(type, *bytes))) : "none";
}

TEST(TruncateString, KeepsShortTextAndCutsAtSixteenCodePoints) {
  EXPECT_EQ(TruncateStringDown("abc"), "abc");
  EXPECT_EQ(TruncateStringUp("abc"), "abc");
  EXPECT_EQ(TruncateStringUp("0123456789abcdef"), "0123456789abcdef");
  EXPECT_EQ(TruncateStringDown("0123456789abcdefg"), "0123456789abcdef");
  EXPECT_EQ(TruncateStringUp("0123456789abcdefg"), "0123456789abcdeg");
  EXPECT_EQ(TruncateStringUp(""), "");
}

TEST(TruncateString, SkipsSurrogatesAndCarriesLeft) {
  const std::string fifteen = "0123456789abcde";
  EXPECT_EQ(TruncateStringUp(fifteen + "\xED\x9F\xBF" + "x"), fifteen + "\xEE\x80\x80");  // U+D7FF → U+E000
  EXPECT_EQ(TruncateStringUp(fifteen + "\x7F" + "x"), fifteen + "\xC2\x80");              // one byte becomes two
  EXPECT_EQ(TruncateStringUp(fifteen + "\xF4\x8F\xBF\xBF" + "x"), "0123456789abcdf");     // U+10FFFF carries
  std::string highest;
  for (int i = 0; i < 17; ++i) highest += "\xF4\x8F\xBF\xBF";
  EXPECT_EQ(TruncateStringUp(highest), std::nullopt);
}

TEST(TruncateBytes, CarriesLeftOrGivesUp) {
  EXPECT_EQ(TruncateBytesUp(std::string(16, '\xFF')), std::string(16, '\xFF'));
  EXPECT_EQ(TruncateBytesUp(std::string(17, '\xFF')), std::nullopt);
  EXPECT_EQ(TruncateBytesUp("a" + std::string(16, '\xFF')), "b");
}

TEST(DecimalBytes, AreMinimal) {
  const auto bytes_of = [](Int128 value) { return DecimalToBytes(reinterpret_cast<const uint8_t*>(&value)); };
  EXPECT_EQ(bytes_of(0), std::string(1, '\0'));
  EXPECT_EQ(bytes_of(-1), "\xFF");
  EXPECT_EQ(bytes_of(127), "\x7F");
  EXPECT_EQ(bytes_of(128), std::string("\x00\x80", 2));
  EXPECT_EQ(bytes_of(-128), "\x80");
  EXPECT_EQ(bytes_of(-129), "\xFF\x7F");
}

TEST(Metrics, CountNullAndNanAndOrderZeros) {
  const auto schema = One(schema::Double());
  const auto metrics = MetricsOf(schema, {R"([{"c":0.0},{"c":null},{"c":NaN}])", R"([{"c":-0.0},{"c":NaN}])"});
  ASSERT_EQ(metrics.size(), 1u);
  EXPECT_EQ(metrics[0].value_count, 5);
  EXPECT_EQ(metrics[0].null_count, 1);
  EXPECT_EQ(metrics[0].nan_count, 2);
  EXPECT_TRUE(std::signbit(std::get<double>(Must(FromSingleValue(schema::Double(), *metrics[0].lower)).value)));
  EXPECT_FALSE(std::signbit(std::get<double>(Must(FromSingleValue(schema::Double(), *metrics[0].upper)).value)));
}

TEST(Metrics, HaveNoBoundsWithoutValues) {
  const auto nan = MetricsOf(One(schema::Float()), {R"([{"c":NaN},{"c":null}])"});
  EXPECT_FALSE(nan[0].lower || nan[0].upper);
  const auto null = MetricsOf(One(schema::String()), {R"([{"c":null}])"});
  EXPECT_FALSE(null[0].lower || null[0].upper);
  const auto uuid = MetricsOf(One(schema::Uuid()), {R"([{"c":"0123456789abcdef"}])"});
  EXPECT_EQ(uuid[0].value_count, 1);
  EXPECT_FALSE(uuid[0].lower || uuid[0].upper);
}

TEST(Metrics, CombineBatches) {
  const auto metrics = MetricsOf(One(schema::Int()), {R"([{"c":5},{"c":9}])", R"([{"c":-7}])", R"([{"c":6}])"});
  EXPECT_EQ(Bound(metrics[0].lower, schema::Int()), "-7");
  EXPECT_EQ(Bound(metrics[0].upper, schema::Int()), "9");
  const auto text = MetricsOf(One(schema::String()), {R"([{"c":"b"},{"c":"bb"}])", R"([{"c":"a\u0000"},{"c":""}])"});
  EXPECT_EQ(text[0].lower, "");
  EXPECT_EQ(text[0].upper, "bb");
}

TEST(Metrics, TakeNullsOfStructsAboveALeafAndLeaveOutLists) {
  const schema::Schema schema{
      .fields = {{.id = 1, .name = "s", .type = schema::Struct({{.id = 2, .name = "x", .type = schema::Long()}})},
                 {.id = 3, .name = "l", .type = schema::List({.id = 4, .type = schema::Long()})}}};
  const auto metrics = MetricsOf(schema, {R"([{"s":{"x":3},"l":[1]},{"s":null,"l":[]},{"s":{"x":null},"l":null}])"});
  ASSERT_EQ(metrics.size(), 1u);
  EXPECT_EQ(metrics[0].field_id, 2);
  EXPECT_EQ(metrics[0].null_count, 2);
  EXPECT_EQ(Bound(metrics[0].lower, schema::Long()), "3");
}

TEST(Metrics, KeepToTheFirstColumnsAndTheWantedOnes) {
  schema::Schema schema;
  for (int i = 1; i <= 5; ++i)
    schema.fields.push_back({.id = i, .name = "c" + std::to_string(i), .type = schema::Int()});
  const auto metrics = MetricsOf(schema, {}, {.columns_max = 2, .always_field_ids = {5}});
  ASSERT_EQ(metrics.size(), 3u);
  EXPECT_EQ(metrics[2].field_id, 5);
}

}  // namespace
}  // namespace firn::table
