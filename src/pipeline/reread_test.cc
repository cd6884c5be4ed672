#include "pipeline/reread.h"

#include <gtest/gtest.h>

namespace firn::pipeline {
namespace {

constexpr int64_t kHour = int64_t{3'600} * 1'000'000;
constexpr int64_t kDay = 24 * kHour;
using Kind = table::RetireScope::Kind;

config::TableConfig Table() {
  config::TableConfig table;
  table.name = "orders";
  table.primary_key = {"id"};
  table.write_disposition = config::WriteDisposition::kMerge;
  table.incremental = config::IncrementalConfig{.cursor = "at", .param = "since"};
  table.merge.missing = config::MissingConfig{};
  table.merge.reconcile = config::ReconcileConfig{.every_ms = kDay / 1'000};
  return table;
}

StreamDocument Read(std::optional<int64_t> reconciled = std::nullopt) {
  StreamDocument document;
  document.Set("", {.json = R"({"version":1})"});
  if (reconciled) document.reconciled = Timestamp{*reconciled};
  return document;
}

schema::Schema WithCursor(schema::TypePtr type) {
  return {
      .fields = {{.id = 1, .name = "id", .type = schema::Long()}, {.id = 2, .name = "at", .type = std::move(type)}}};
}

TEST(Reread, APassIsDueWhenTheLastIsLongAgo) {
  const config::TableConfig table = Table();
  const Timestamp now{100 * kDay};
  EXPECT_FALSE(RereadOf(table, {}, true, now)) << "nothing was read yet";
  EXPECT_TRUE(RereadOf(table, Read(), false, now));
  EXPECT_EQ(NextPass(table, Read(99 * kDay + kHour), now), Timestamp{100 * kDay + kHour});
  EXPECT_FALSE(RereadOf(table, Read(99 * kDay + kHour), false, now));
  EXPECT_TRUE(RereadOf(table, Read(99 * kDay + kHour), true, now));
  EXPECT_TRUE(RereadOf(table, Read(99 * kDay), false, now));
}

TEST(Reread, OnlyIncrementalMergesByKeyHavePasses) {
  config::TableConfig table = Table();
  table.merge.strategy = config::MergeStrategy::kDeleteInsert;
  EXPECT_FALSE(RereadOf(table, Read(), true, {}));
  table = Table();
  table.parent = "customers";
  EXPECT_FALSE(RereadOf(table, Read(), true, {}));
  table = Table();
  table.write_disposition = config::WriteDisposition::kAppend;
  EXPECT_FALSE(RereadOf(table, Read(), true, {}));
  table = Table();
  table.merge.reconcile.reset();
  EXPECT_FALSE(RereadOf(table, Read(), false, {}));
  EXPECT_TRUE(RereadOf(table, Read(), true, {})) << "by hand";
}

TEST(Reread, AWindowSpeaksOfItsRowsInTheUnitOfTheColumn) {
  config::TableConfig table = Table();
  const Timestamp now{100 * kDay};
  const source::Reread window{.window_ms = 30 * kDay / 1'000};
  auto pass = ScopeOfPass(table, window, WithCursor(schema::TimestampTz()), now);
  EXPECT_EQ(pass.scope.kind, Kind::kRange);
  EXPECT_EQ(pass.scope.begin, 70 * kDay);
  EXPECT_EQ(pass.scope.end, 100 * kDay + kHour);
  EXPECT_FALSE(pass.scope.nulls);
  pass = ScopeOfPass(table, window, WithCursor(schema::Timestamp()), now);
  EXPECT_EQ(pass.scope.begin, 71 * kDay) << "of which zone the values are is not known";
  table.incremental->format = config::CursorFormat::kEpochSeconds;
  pass = ScopeOfPass(table, window, WithCursor(schema::Long()), now);
  EXPECT_EQ(pass.scope.begin, 70 * kDay / 1'000'000);
  EXPECT_EQ(pass.scope.end, (100 * kDay + kHour) / 1'000'000);
}

TEST(Reread, WhereTheRowsOfAPassCannotBeToldNothingIsDeleted) {
  config::TableConfig table = Table();
  const Timestamp now{100 * kDay};
  const source::Reread window{.window_ms = 1'000};
  auto pass = ScopeOfPass(table, window, WithCursor(schema::String()), now);
  EXPECT_EQ(pass.scope.kind, Kind::kNone);
  EXPECT_FALSE(pass.why_none.empty());
  EXPECT_EQ(ScopeOfPass(table, window, WithCursor(schema::Long()), now).scope.kind, Kind::kNone) << "no time";
  table.incremental->start = "2024-01-01";
  EXPECT_EQ(ScopeOfPass(table, {}, WithCursor(schema::String()), now).scope.kind, Kind::kNone);
}

TEST(Reread, WithoutAWindowItSpeaksOfAllThatWasAskedFor) {
  config::TableConfig table = Table();
  const Timestamp now{100 * kDay};
  auto pass = ScopeOfPass(table, {}, WithCursor(schema::TimestampTz()), now);
  EXPECT_EQ(pass.scope.kind, Kind::kRange);
  EXPECT_EQ(pass.scope.begin, INT64_MIN);
  EXPECT_TRUE(pass.scope.nulls);
  EXPECT_EQ(ScopeOfPass(table, {}, WithCursor(schema::String()), now).scope.kind, Kind::kAll);
  table.incremental->start = "1970-01-11";
  pass = ScopeOfPass(table, {}, WithCursor(schema::TimestampTz()), now);
  EXPECT_EQ(pass.scope.begin, 10 * kDay) << "rows from before it were never asked for";
  EXPECT_FALSE(pass.scope.nulls);
  table.incremental->start = "500";
  EXPECT_EQ(ScopeOfPass(table, {}, WithCursor(schema::Long()), now).scope.begin, 500);
}

TEST(Reread, TheTimeOfThePassIsPartOfTheState) {
  const StreamDocument document = Read(99 * kDay);
  const auto parsed = ParseStreamDocument(WriteStreamDocument(document));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, document);
}

}  // namespace
}  // namespace firn::pipeline
