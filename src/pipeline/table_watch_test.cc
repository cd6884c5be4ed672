#include "pipeline/table_watch.h"

#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include "pipeline/newest_time.h"
#include "pipeline/table_status.h"

namespace firn::pipeline {
namespace {

constexpr int64_t kHour = int64_t{3'600} * 1'000'000;

std::vector<state::TableRecord> Loads(const std::vector<int64_t>& counts) {
  std::vector<state::TableRecord> records;
  for (const int64_t count : counts) {
    records.emplace_back();
    records.back().state = state::TableState::kCompleted;
    records.back().rows_read = count;
  }
  return records;
}

std::string CodeOf(int64_t rows, const std::vector<state::TableRecord>& before,
                   std::optional<config::VolumeConfig> band = {}) {
  const auto findings = JudgeVolume(rows, before, band);
  return findings.empty() ? "" : findings.front().code;
}

TEST(JudgeVolume, ZeroRowsAreUnusualAfterFiveLoadsThatHadSome) {
  EXPECT_EQ(CodeOf(0, Loads({1, 2, 3, 4, 5})), "E0940");
  EXPECT_EQ(CodeOf(0, Loads({1, 2, 3, 4, 5, 0, 0})), "E0940");
  EXPECT_EQ(CodeOf(0, Loads({1, 2, 3, 4})), "");
  EXPECT_EQ(CodeOf(0, Loads({1, 2, 0, 4, 5, 6})), "");
  EXPECT_EQ(CodeOf(1, Loads({1, 2, 3, 4, 5})), "");
}

TEST(JudgeVolume, ComparesWithTheMedianOfOrdinaryCompletedLoads) {
  const config::VolumeConfig band{.min_percent = 50, .max_percent = 200};
  auto before = Loads({9'000, 100, 100, 100, 100, 100, 9'000});
  before.front().ordinary = false;
  before.back().state = state::TableState::kFailed;
  EXPECT_EQ(CodeOf(50, before, band), "");
  EXPECT_EQ(CodeOf(49, before, band), "E0941");
  EXPECT_EQ(CodeOf(200, before, band), "");
  EXPECT_EQ(CodeOf(201, before, band), "E0941");
  EXPECT_EQ(CodeOf(201, before), "");
  before[1].ordinary = false;  // four are too few to say what is usual
  EXPECT_EQ(CodeOf(1, before, band), "");
  EXPECT_EQ(CodeOf(7, Loads({0, 0, 0, 0, 0, 0}), band), "");
}

TEST(JudgeFreshness, IsLateBeyondTheLimits) {
  const config::FreshnessConfig limits{.warn_after_ms = 6 * kHour / 1'000, .error_after_ms = 24 * kHour / 1'000};
  const Timestamp newest{.micros = 100 * kHour}, loaded{.micros = 110 * kHour};
  const auto at = [&](int64_t hours, std::optional<Timestamp> rows, std::optional<Timestamp> load) {
    return JudgeFreshness(limits, rows, load, {.micros = hours * kHour});
  };
  EXPECT_FALSE(at(106, newest, loaded).late);
  EXPECT_EQ(at(106, newest, loaded).age_seconds, 6 * 3'600);
  EXPECT_FALSE(at(107, newest, loaded).late->is_error);
  EXPECT_FALSE(at(124, newest, loaded).late->is_error);
  EXPECT_TRUE(at(125, newest, loaded).late->is_error);
  EXPECT_FALSE(at(116, std::nullopt, loaded).late);
  EXPECT_TRUE(at(0, std::nullopt, std::nullopt).late->is_error);
  EXPECT_EQ(at(99, newest, loaded).age_seconds, 0);  // a clock that goes behind the source's
  EXPECT_FALSE(JudgeFreshness(std::nullopt, newest, loaded, {.micros = 999 * kHour}).late);
}

TEST(JudgeFreshness, OfLoadsLooksAtTheLastCompletedOne) {
  const config::FreshnessConfig limits{.of = config::FreshnessConfig::Of::kLoads, .warn_after_ms = kHour / 1'000};
  EXPECT_FALSE(
      JudgeFreshness(limits, Timestamp{.micros = 0}, Timestamp{.micros = 9 * kHour}, {.micros = 10 * kHour}).late);
  EXPECT_TRUE(
      JudgeFreshness(limits, Timestamp{.micros = 0}, Timestamp{.micros = 8 * kHour}, {.micros = 10 * kHour}).late);
}

config::TableConfig Incremental(config::CursorFormat format = config::CursorFormat::kIso) {
  config::TableConfig table;
  table.incremental = config::IncrementalConfig{.cursor = "at", .format = format};
  return table;
}

schema::Schema OneColumn(schema::TypePtr type) {
  schema::Schema schema;
  schema.fields.push_back({.id = 1, .name = "at", .type = std::move(type)});
  return schema;
}

template <typename Builder, typename Value>
std::optional<Timestamp> NewestOf(NewestTime newest, const std::shared_ptr<arrow::DataType>& type,
                                  const std::vector<std::optional<Value>>& values) {
  Builder builder(type, arrow::default_memory_pool());
  for (const auto& value : values) EXPECT_TRUE((value ? builder.Append(*value) : builder.AppendNull()).ok());
  const auto array = builder.Finish().ValueOrDie();
  const auto batch = arrow::RecordBatch::Make(arrow::schema({arrow::field("at", type)}), array->length(), {array});
  newest.Take(*batch, OneColumn(schema::TimestampTz()));
  EXPECT_FALSE(newest.committed());
  newest.Committed();
  return newest.committed();
}

TEST(NewestTime, TakesTimesOfAllKinds) {
  const Timestamp now{.micros = 1'767'225'600'000'000};  // 2026-01-01
  const NewestTime iso(Incremental(), now), epoch(Incremental(config::CursorFormat::kEpochMillis), now);
  const auto micros = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), nanos = arrow::timestamp(arrow::TimeUnit::NANO);
  EXPECT_EQ((NewestOf<arrow::TimestampBuilder, int64_t>(iso, micros, {3, std::nullopt, 7, 5})), Timestamp{.micros = 7});
  EXPECT_EQ((NewestOf<arrow::TimestampBuilder, int64_t>(iso, nanos, {7'999})), Timestamp{.micros = 7});
  EXPECT_EQ((NewestOf<arrow::Date32Builder, int32_t>(iso, arrow::date32(), {1})), Timestamp{.micros = 24 * kHour});
  EXPECT_EQ((NewestOf<arrow::Int64Builder, int64_t>(epoch, arrow::int64(), {3})), Timestamp{.micros = 3'000});
  EXPECT_EQ((NewestOf<arrow::Int64Builder, int64_t>(iso, arrow::int64(), {3})), std::nullopt);
  EXPECT_EQ((NewestOf<arrow::StringBuilder, std::string>(iso, arrow::utf8(), {"1970-01-01T00:00:01Z", "1970-01-02"})),
            Timestamp{.micros = 24 * kHour});
  EXPECT_EQ((NewestOf<arrow::StringBuilder, std::string>(iso, arrow::utf8(), {"b", "a"})), std::nullopt);
}

TEST(NewestTime, LeavesOutWhatIsYetToCome) {
  const Timestamp now{.micros = 100 * kHour};
  const auto type = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
  EXPECT_EQ((NewestOf<arrow::TimestampBuilder, int64_t>(NewestTime(Incremental(), now), type,
                                                        {5, 101 * kHour, 101 * kHour + 1, INT64_MAX})),
            Timestamp{.micros = 101 * kHour});
}

TEST(JudgeTables, AddsTablesThatWereNeverLoadedAndForgetsOldLateness) {
  config::Project project;
  config::PipelineConfig pipeline{.name = "shop"};
  pipeline.dataset = "shop";
  config::TableConfig table = Incremental();
  table.name = "orders";
  table.watch.freshness = config::FreshnessConfig{.error_after_ms = kHour / 1'000};
  pipeline.tables = {table};
  project.pipelines = {pipeline};
  const auto never = JudgeTables(project, {}, {.micros = 10 * kHour});
  ASSERT_EQ(never.size(), 1u);
  EXPECT_TRUE(never[0].never);
  EXPECT_EQ(StatusExitCode(never, false), 6);

  state::TableStatus status;
  status.last = Loads({1}).front();
  status.last.pipeline = "shop";
  status.last.table = "orders";
  status.last.identifier = "shop.orders";
  status.last.fresh_to = Timestamp{.micros = 9 * kHour};
  status.last.findings = {{.code = "E0942", .text = "then", .is_error = true}, {.code = "E0941", .text = "few"}};
  const auto judged = JudgeTables(project, {status}, {.micros = 10 * kHour});
  ASSERT_EQ(judged.size(), 1u);
  EXPECT_EQ(judged[0].status.last.findings.size(), 1u);
  EXPECT_EQ(StatusExitCode(judged, false), 0);
  EXPECT_EQ(StatusExitCode(judged, true), 6);
  state::TableStatus other = status;  // another environment's table of that name is not measured by these limits
  other.last.identifier = "dev_shop.orders";
  other.last.fresh_to = Timestamp{.micros = kHour};
  other.last.findings.clear();
  const auto both = JudgeTables(project, {status, other}, {.micros = 10 * kHour});
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(StatusExitCode(both, false), 0);
  status.last.state = state::TableState::kFailed;
  EXPECT_EQ(StatusExitCode(JudgeTables(project, {status}, {.micros = 10 * kHour}), false), 3);
}

}  // namespace
}  // namespace firn::pipeline
