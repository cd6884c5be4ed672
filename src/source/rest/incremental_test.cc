#include "source/rest/incremental.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "expression/value.h"
#include "source/rest/fake_http.h"
#include "source/rest/source.h"

namespace firn::source::rest {
namespace {

using connector::BoundaryRule;
using connector::CursorFormat;
using connector::IncrementalPlan;
using connector::PaginatePlan;
using connector::TablePlan;
using connector::Template;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Row {
  int64_t id;
  int64_t tick;  // seconds since 2025-12-01
  int64_t value = 0;
};

std::string Time(int64_t tick) {
  return FormatTimestamp({.micros = (1'764'547'200 + tick) * 1'000'000});
}

std::string Json(const Row& row) {
  return "{\"id\":" + std::to_string(row.id) + ",\"at\":\"" + Time(row.tick) + "\",\"v\":" + std::to_string(row.value) +
         "}";
}

/// An API with ?since= (inclusive), ?until= (exclusive), ?cursor= and 3 rows a page.
class Api {
 public:
  std::vector<Row> rows;
  bool ascending = true;
  bool inclusive_end = false;
  std::string last_since;

  FakeAnswer operator()(const FakeRequest& request) {
    if (!request.Has("cursor")) last_since = request.Has("since") ? request.query.at("since") : "";
    std::vector<Row> found;
    for (const Row& row : rows) {
      const std::string at = Time(row.tick);
      if (request.Has("since") && at < request.query.at("since")) continue;
      if (request.Has("until") && (inclusive_end ? at > request.query.at("until") : at >= request.query.at("until")))
        continue;
      found.push_back(row);
    }
    if (ascending) {
      std::multimap<int64_t, Row> sorted;  // keeps the order of equal ticks
      for (const Row& row : found) sorted.emplace(row.tick, row);
      found.clear();
      for (const auto& [tick, row] : sorted) found.push_back(row);
    }
    const auto begin = std::min(static_cast<size_t>(request.Int("cursor", 0)), found.size());
    const size_t end = std::min(begin + 3, found.size());
    std::string body = "{\"items\":[";
    for (size_t i = begin; i < end; ++i) body += (i > begin ? "," : "") + Json(found[i]);
    return {.body = body + "],\"next\":" + (end < found.size() ? std::to_string(end) : "null") + ",\"at\":\"" +
                    std::to_string(request.Int("cursor", 0)) + "\"}"};
  }
};

struct Read {
  std::vector<std::string> rows, undecided;
  std::vector<std::pair<size_t, Position>> positions;
  Status status;
  ReadStats stats;
  Position last(const Position& before) const { return positions.empty() ? before : positions.back().second; }
};

class IncrementalTest : public ::testing::Test {
 protected:
  IncrementalTest() {
    table_.name = "orders";
    table_.where = "firn.yaml:9:7";
    table_.path = Template::Parse("/orders").ValueOrDie();
    table_.records = "items";
    table_.paginate = {.type = PaginatePlan::Type::kCursor, .param = "cursor", .next = "next"};
    table_.incremental = IncrementalPlan{.where = "firn.yaml:12:9", .cursor = "at", .param = "since"};
    table_.boundary = BoundaryRule::kContent;
  }

  Read Run(const Position& from, std::optional<std::string> start = std::nullopt,
           std::optional<std::string> end = std::nullopt) {
    connector::RestPlan plan{.name = "shop", .base_url = "https://api.example", .tables = {table_}};
    const auto source = MakeRestSource(plan, {.http = &http_, .clock = &clock_}).ValueOrDie();
    ReadRequest request{.table = "orders", .from = start, .to = end, .reread = reread_};
    if (!from.json.empty()) request.state = {{"", from}};
    Read read;
    const Split split = source->Plan(request, {}).ValueOrDie()[0];
    auto reader = source->OpenSplit(request, split);
    read.status = reader.status();
    while (read.status.ok()) {
      auto event = (*reader)->Next({});
      read.status = event.status();
      if (!event.ok() || !event->has_value()) break;
      if (const auto* batch = std::get_if<Batch>(&**event)) {
        const auto& json = std::get<JsonRows>(batch->rows);
        for (const uint32_t row : json.rows) read.rows.emplace_back(json.page->RecordText(row));
        for (const auto& each : json.undecided) {
          read.undecided.emplace_back(json.page->RecordText(each.row));
          EXPECT_EQ(ContextOf(each.why)->code, "E0437");
        }
        if (batch->position) read.positions.emplace_back(read.rows.size(), *batch->position);
      } else {
        read.positions.emplace_back(read.rows.size(), std::get<Progress>(**event).position);
      }
    }
    read.stats = source->stats("orders");
    return read;
  }

  std::multiset<std::string> Expected() const {
    std::multiset<std::string> rows;
    for (const Row& row : api_.rows) rows.insert(Json(row));
    return rows;
  }

  FakeClock clock_{{.micros = 1'767'225'600'000'000}};  // 2026-01-01
  Api api_;
  FakeHttp http_{[this](const FakeRequest& request) { return api_(request); }};
  std::optional<Reread> reread_;  // of the reads to come
  TablePlan table_;
};

TEST_F(IncrementalTest, FirstReadHasNoBoundThenReadsFromTheCursorOn) {
  api_.rows = {{1, 10}, {2, 20}};
  const Read first = Run({});
  EXPECT_TRUE(first.status.ok()) << first.status;
  EXPECT_EQ(http_.urls(), std::vector<std::string>{"https://api.example/orders"});
  EXPECT_EQ(first.rows.size(), 2u);
  const Read second = Run(first.last({}));
  EXPECT_EQ(api_.last_since, Time(20));
  EXPECT_THAT(second.rows, IsEmpty());  // the boundary row is known
}

TEST_F(IncrementalTest, RowsOfTheSameTickAreReadOnceEach) {
  for (const BoundaryRule rule : {BoundaryRule::kKey, BoundaryRule::kKeyAndContent, BoundaryRule::kContent}) {
    table_.boundary = rule;
    table_.primary_key = rule == BoundaryRule::kContent ? std::vector<std::string>{} : std::vector<std::string>{"id"};
    api_.rows = {{1, 10}, {2, 20}, {3, 20}};
    const Position after_first = Run({}).last({});
    api_.rows.push_back({4, 20});  // the same tick, later
    api_.rows.push_back({5, 30});
    const Read second = Run(after_first);
    EXPECT_THAT(second.rows, ElementsAre(Json({4, 20}), Json({5, 30}))) << static_cast<int>(rule);
    EXPECT_THAT(Run(second.last(after_first)).rows, IsEmpty());
  }
}

TEST_F(IncrementalTest, SecondChangeWithinATickPassesWhereRowsAreMerged) {
  table_.primary_key = {"id"};
  table_.boundary = BoundaryRule::kKeyAndContent;
  api_.rows = {{1, 10, 1}};
  const Position position = Run({}).last({});
  api_.rows = {{1, 10, 2}};
  EXPECT_THAT(Run(position).rows, ElementsAre(Json({1, 10, 2})));
}

TEST_F(IncrementalTest, EqualRowsWithoutKeyAreCounted) {
  api_.rows = {{1, 10}, {1, 10}};
  const Position position = Run({}).last({});
  EXPECT_THAT(Run(position).rows, IsEmpty());
  api_.rows.push_back({1, 10});
  EXPECT_THAT(Run(position).rows, ElementsAre(Json({1, 10})));
}

TEST_F(IncrementalTest, ResumingFromEveryPositionGivesTheSameRows) {
  table_.incremental->order = IncrementalPlan::Order::kAscending;
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    api_.rows.clear();
    for (int64_t i = 0; i < 25; ++i)
      api_.rows.push_back({static_cast<int64_t>(random() % 20), static_cast<int64_t>(random() % 9)});
    table_.incremental->lookback_micros = static_cast<int64_t>(seed % 3) * 2'000'000;
    const Read whole = Run({});
    ASSERT_TRUE(whole.status.ok()) << whole.status;
    ASSERT_EQ(std::multiset<std::string>(whole.rows.begin(), whole.rows.end()), Expected());
    ASSERT_GE(whole.positions.size(), 9u);
    for (const auto& [count, position] : whole.positions) {
      const Read rest = Run(position);
      std::multiset<std::string> rows(whole.rows.begin(), whole.rows.begin() + static_cast<int64_t>(count));
      rows.insert(rest.rows.begin(), rest.rows.end());
      EXPECT_EQ(rows, Expected()) << count << " " << position.json;
    }
  }
}

TEST_F(IncrementalTest, UnorderedDataHasAPositionOnlyAtTheEnd) {
  api_.ascending = false;
  api_.rows = {{1, 50}, {2, 10}, {3, 40}, {4, 20}, {5, 30}};
  const Read read = Run({});
  ASSERT_EQ(read.positions.size(), 1u);
  EXPECT_EQ(read.positions[0].first, 5u);
  EXPECT_THAT(read.positions[0].second.json, HasSubstr(Time(50)));
}

TEST_F(IncrementalTest, DeclaredOrderThatDoesNotHoldIsAnError) {
  api_.ascending = false;
  table_.incremental->order = IncrementalPlan::Order::kAscending;
  api_.rows = {{1, 50}, {2, 10}};
  EXPECT_EQ(ContextOf(Run({}).status)->code, "E0438");
}

TEST_F(IncrementalTest, WindowsCoverEverythingOnceHoweverTheApiTakesTheEnd) {
  table_.incremental->end_param = "until";
  table_.incremental->start = "2025-12-01";
  table_.incremental->step_micros = 10LL * 86'400 * 1'000'000;
  for (const bool inclusive : {false, true}) {
    api_.inclusive_end = inclusive;
    api_.rows.clear();
    for (int64_t day = 0; day < 31; ++day) api_.rows.push_back({day, day * 86'400});
    const Read whole = Run({});
    ASSERT_TRUE(whole.status.ok()) << whole.status;
    EXPECT_EQ(std::multiset<std::string>(whole.rows.begin(), whole.rows.end()), Expected());
    ASSERT_GE(whole.positions.size(), 3u);
    for (const auto& [count, position] : whole.positions) {
      const Read rest = Run(position);
      std::multiset<std::string> rows(whole.rows.begin(), whole.rows.begin() + static_cast<int64_t>(count));
      rows.insert(rest.rows.begin(), rest.rows.end());
      EXPECT_EQ(rows, Expected()) << count << " " << position.json;
    }
  }
  const auto urls = http_.urls();
  EXPECT_EQ(urls[0], "https://api.example/orders?since=2025-12-01T00%3A00%3A00Z&until=2025-12-11T00%3A00%3A00Z");
}

TEST_F(IncrementalTest, WindowsOfAnApiThatIgnoresTheEndGiveEachRowOnce) {
  table_.incremental->start = "2025-12-01";
  table_.incremental->step_micros = 10LL * 86'400 * 1'000'000;
  table_.incremental->end_param = "ignored";
  for (int64_t day = 0; day < 31; ++day) api_.rows.push_back({day, day * 86'400});
  const Read whole = Run({});
  EXPECT_EQ(std::multiset<std::string>(whole.rows.begin(), whole.rows.end()), Expected());
}

TEST_F(IncrementalTest, QuietSourceIsNotReadFromTheBeginningEachRun) {
  table_.incremental->end_param = "until";
  table_.incremental->start = "2025-12-01";
  table_.incremental->step_micros = 86'400LL * 1'000'000;
  api_.rows = {{1, 5}};
  const Position position = Run({}).last({});
  const size_t before = http_.num_requests();
  EXPECT_THAT(Run(position).rows, IsEmpty());
  EXPECT_EQ(http_.num_requests(), before + 1);  // the last day
  api_.rows.push_back({2, 31 * 86'400 - 1});
  EXPECT_THAT(Run(position).rows, ElementsAre(Json({2, 31 * 86'400 - 1})));
}

TEST_F(IncrementalTest, CoarseBoundsGiveNoRowTwice) {
  table_.incremental->format = CursorFormat::kPattern;
  table_.incremental->pattern = "%Y-%m-%d";
  api_.rows = {{1, 10}, {2, 20}, {3, 30}};
  const Position position = Run({}).last({});
  api_.rows.push_back({4, 40});
  EXPECT_THAT(Run(position).rows, ElementsAre(Json({4, 40})));
  EXPECT_EQ(api_.last_since, "2025-12-01");
}

TEST_F(IncrementalTest, LookbackReadsLateRowsOnceAndOldOnesNotAgain) {
  table_.incremental->lookback_micros = 15'000'000;
  api_.rows = {{1, 10}, {2, 20}, {3, 30}};
  const Position position = Run({}).last({});
  api_.rows.push_back({4, 18});  // late
  const Read second = Run(position);
  EXPECT_EQ(api_.last_since, Time(15));
  EXPECT_THAT(second.rows, ElementsAre(Json({4, 18})));
  EXPECT_THAT(Run(second.last(position)).rows, IsEmpty());
}

TEST_F(IncrementalTest, FutureCursorDoesNotAdvanceAndIsReadOnce) {
  const int64_t far = 400 * 86'400;
  api_.rows = {{1, 10}, {2, far}};
  const Read first = Run({});
  EXPECT_EQ(first.rows.size(), 2u);
  EXPECT_THAT(first.last({}).json, HasSubstr("\"cursor\":\"" + Time(10)));
  api_.rows.push_back({3, 20});
  EXPECT_THAT(Run(first.last({})).rows, ElementsAre(Json({3, 20})));
}

TEST_F(IncrementalTest, EndIsNowMinusLag) {
  table_.incremental->end_param = "until";
  table_.incremental->lag_micros = 3600LL * 1'000'000;
  Run({});
  EXPECT_EQ(http_.urls()[0], "https://api.example/orders?until=2025-12-31T23%3A00%3A00Z");
}

TEST_F(IncrementalTest, FromAndToReplaceTheBoundsOfOneRun) {
  api_.rows = {{1, 10}, {2, 20}, {3, 30}};
  const Position position = Run({}).last({});
  const Read again = Run(position, Time(20));
  EXPECT_EQ(again.rows.size(), 2u);
  EXPECT_THAT(again.last(position).json, HasSubstr(Time(30)));
  api_.rows.push_back({4, 40});
  api_.rows.push_back({5, 90});
  const Read later = Run(position, Time(80));  // the gap must stay readable
  EXPECT_EQ(later.rows.size(), 1u);
  EXPECT_THAT(later.positions, IsEmpty());
}

TEST_F(IncrementalTest, APassReadsWhatWasReadAndThePositionGoesOnlyForward) {
  api_.rows = {{1, 10}, {2, 20}, {3, 30}};
  const Position position = Run({}).last({});
  api_.rows.push_back({4, 5});  // back-dated
  reread_ = Reread{};
  const Read pass = Run(position);
  EXPECT_EQ(pass.rows.size(), 4u);
  EXPECT_THAT(pass.last({}).json, HasSubstr("\"cursor\":\"" + Time(30)));
  api_.rows.push_back({5, 40});
  reread_.reset();
  EXPECT_THAT(Run(pass.last({})).rows, ElementsAre(Json({5, 40})));
}

TEST_F(IncrementalTest, APassTakesRowsWithinTheLagAndLeavesThePositionBeforeThem) {
  const int64_t day = 86'400;
  table_.incremental->end_param = "until";
  table_.incremental->lag_micros = 2 * day * 1'000'000;
  api_.rows = {{1, -40 * day}, {2, 10}, {3, 30 * day - 60}};
  reread_ = Reread{};
  const Read pass = Run({});
  EXPECT_EQ(pass.rows.size(), 3u);
  EXPECT_THAT(pass.last({}).json, HasSubstr("\"cursor\":\"" + Time(10)));
  EXPECT_EQ(pass.stats.num_later_rows, 0);
}

TEST_F(IncrementalTest, AWindowOfAPassNeedsATime) {
  http_.set_handler(
      [](const FakeRequest&) { return FakeAnswer{.body = R"({"items":[{"id":1,"at":7}],"next":null})"}; });
  const Position position = Run({}).last({});
  reread_ = Reread{.window_ms = 86'400'000};
  EXPECT_EQ(ContextOf(Run(position).status)->code, "E0437");
}

TEST_F(IncrementalTest, NullCursorsPassOnce) {
  http_.set_handler([](const FakeRequest&) {
    return FakeAnswer{
        .body = R"({"items":[{"id":1,"at":null},{"id":2},{"id":3,"at":"2025-12-01T00:00:00Z"}],"next":null})"};
  });
  const Read first = Run({});
  EXPECT_EQ(first.rows.size(), 3u);
  EXPECT_THAT(Run(first.last({})).rows, IsEmpty());
}

TEST_F(IncrementalTest, PositionKeepsTheTypedValueAndNoData) {
  http_.set_handler([](const FakeRequest&) {
    return FakeAnswer{.body = R"({"items":[{"id":"bob@x.example","at":9007199254740993.10}],"next":null})"};
  });
  table_.primary_key = {"id"};
  table_.boundary = BoundaryRule::kKey;
  const Position position = Run({}).last({});
  EXPECT_THAT(position.json, HasSubstr("\"cursor\":9007199254740993.10,"));
  EXPECT_THAT(position.json, ::testing::Not(HasSubstr("bob")));
  Run(position);
  EXPECT_EQ(http_.urls().back(), "https://api.example/orders?since=9007199254740993.10");
}

TEST_F(IncrementalTest, MixedKindsOfCursorsAndBadPositionsAreErrors) {
  http_.set_handler(
      [](const FakeRequest&) { return FakeAnswer{.body = R"({"items":[{"at":1},{"at":"2025-12-01"}],"next":null})"}; });
  EXPECT_EQ(ContextOf(Run({}).status)->code, "E0437");
  for (const char* bad :
       {"{", "{}", R"({"version":2})", R"({"version":1,"rows":7})", R"({"version":1,"rows":[[1]]})"}) {
    const Read read = Run({bad});
    ASSERT_FALSE(read.status.ok()) << bad;
    EXPECT_EQ(ContextOf(read.status)->code, "E0443") << bad;
  }
}

// Items with these cursors ("at", JSON texts), whatever is asked for.
FakeAnswer Cursors(const std::vector<std::string>& cursors) {
  std::string items;
  for (const auto& at : cursors) items += (items.empty() ? "" : ",") + std::string("{\"at\":") + at + "}";
  return {.body = "{\"items\":[" + items + "],\"next\":null}"};
}

TEST_F(IncrementalTest, SingleCursorsOfAnotherKindMoveNoPositionAndAreKnownAgain) {
  const std::string odd[] = {R"("n/a")", "7", "true", R"(["2025-12-01"])", R"({"at":1})"};
  for (const std::string& bad : odd) {
    SCOPED_TRACE(bad);
    std::vector<std::string> cursors = {R"("2025-12-01")", bad, R"("2025-12-02")"};
    http_.set_handler([&](const FakeRequest&) { return Cursors(cursors); });
    const Read first = Run({});
    ASSERT_TRUE(first.status.ok()) << first.status;
    EXPECT_EQ(first.rows.size(), 3u);
    EXPECT_THAT(first.undecided, ElementsAre("{\"at\":" + bad + "}"));
    EXPECT_THAT(first.last({}).json, HasSubstr(R"("cursor":"2025-12-02")"));
    const Read again = Run(first.last({}));
    EXPECT_THAT(again.rows, IsEmpty());
    cursors = {R"("2025-12-02")", bad, bad, R"("2025-12-03")"};  // one of them is new
    const Read second = Run(first.last({}));
    ASSERT_TRUE(second.status.ok()) << second.status;
    EXPECT_EQ(second.rows.size(), 2u);
    EXPECT_THAT(second.undecided, ElementsAre("{\"at\":" + bad + "}"));
    EXPECT_THAT(second.last({}).json, HasSubstr(R"("cursor":"2025-12-03")"));
  }
}

TEST_F(IncrementalTest, WhereMostCursorsDoNotFitTheReadStops) {
  const std::string time = R"("2025-12-01")";
  const std::string text = R"("n/a")";
  using Cells = std::vector<std::string>;
  for (const Cells& cells : {Cells{text, time}, Cells{time, "true", text}, Cells{"true"}, Cells{text, "1", text}}) {
    http_.set_handler([&](const FakeRequest&) { return Cursors(cells); });
    const Read read = Run({});
    ASSERT_FALSE(read.status.ok()) << cells[0];
    EXPECT_EQ(ContextOf(read.status)->code, "E0437");
  }
}

TEST_F(IncrementalTest, StringsOfDigitsCountAsNumbers) {
  std::vector<std::string> cursors = {R"("8")", R"("9")"};
  http_.set_handler([&](const FakeRequest&) { return Cursors(cursors); });
  const Position position = Run({}).last({});
  EXPECT_THAT(position.json, HasSubstr(R"("cursor":"9")"));
  cursors = {R"("9")", R"("10")", R"("0011")", R"("7")"};
  const Read second = Run(position);
  EXPECT_TRUE(second.status.ok()) << second.status;
  EXPECT_THAT(second.rows, ElementsAre(R"({"at":"10"})", R"({"at":"0011"})"));
  EXPECT_EQ(second.stats.num_older_rows, 1);  // 7: said, not silent
  EXPECT_THAT(second.last(position).json, HasSubstr(R"("cursor":"0011")"));
  Run(second.last(position));
  EXPECT_EQ(http_.urls().back(), "https://api.example/orders?since=0011");  // as the source wrote it
}

TEST_F(IncrementalTest, TextsWithoutAnOrderOfTheApiStopTheRead) {
  using Pair = std::vector<std::string>;
  for (const Pair& pair :
       {Pair{R"("inv-9")", R"("inv-10")"}, Pair{R"("9")", R"("x")"}, Pair{R"("b")", R"("B")"},
        Pair{R"("a-b")", R"("ab-")"}, Pair{R"("é1")", R"("è1")"}, Pair{R"("9")", R"("2025-12-01")"}}) {
    http_.set_handler([&](const FakeRequest&) { return Cursors(pair); });
    const Read read = Run({});
    ASSERT_FALSE(read.status.ok()) << pair[0] << pair[1];
    EXPECT_EQ(ContextOf(read.status)->code, "E0437");
    EXPECT_THAT(read.positions, IsEmpty());
    // The same between a saved position and the rows of the next run.
    http_.set_handler([&](const FakeRequest&) { return Cursors({pair[0]}); });
    const Position position = Run({}).last({});
    http_.set_handler([&](const FakeRequest&) { return Cursors({pair[1]}); });
    EXPECT_FALSE(Run(position).status.ok()) << pair[0] << pair[1];
  }
  for (const Pair& pair :
       {Pair{R"("01ARZ3NDEKTSV4RRFFQ69G5FAV")", R"("01BX5ZZKBKACTAV9WEVGEMMVRZ")"}, Pair{R"("a-009")", R"("a-010")"},
        Pair{R"("0ujtsYcgvSTl8PAuAdqWYSMnLOv")", R"("0ujzPyRiIAffKhBux4PvQdDqMHY")"}}) {
    http_.set_handler([&](const FakeRequest&) { return Cursors(pair); });
    const Read read = Run({});
    EXPECT_TRUE(read.status.ok()) << read.status;
    EXPECT_THAT(read.last({}).json, HasSubstr(pair[1]));
  }
}

TEST_F(IncrementalTest, RowsInsideTheLagAreLeftForTheNextRun) {
  const int64_t now = 31 * 86'400;
  table_.incremental->lag_micros = int64_t{3600} * 1'000'000;
  api_.rows = {{1, now - 7200}, {2, now - 3601}, {3, now - 3600}, {4, now - 60}};
  const Read first = Run({});
  EXPECT_TRUE(first.status.ok()) << first.status;
  EXPECT_EQ(first.rows, (std::vector<std::string>{Json(api_.rows[0]), Json(api_.rows[1])}));
  EXPECT_EQ(first.stats.num_later_rows, 2);
  api_.rows.push_back({5, now - 1800});  // late, inside the lag
  clock_.Advance(std::chrono::hours(2));
  const Read second = Run(first.last({}));
  EXPECT_EQ(second.rows.size(), 3u);
  EXPECT_EQ(second.stats.num_later_rows, 0);
  EXPECT_EQ(second.stats.num_older_rows, 0);
}

TEST_F(IncrementalTest, AnEndHoldsWhateverTheApiDoes) {
  api_.rows = {{1, 10}, {2, 20}, {3, 30}, {4, 40}};
  const Read plain = Run({}, std::nullopt, Time(30));
  EXPECT_EQ(plain.rows.size(), 2u);
  EXPECT_EQ(plain.stats.num_later_rows, 2);
  EXPECT_THAT(plain.last({}).json, HasSubstr(Time(20)));
  table_.incremental->end_param = "until";
  api_.inclusive_end = true;
  const Read asked = Run({}, std::nullopt, Time(30));
  EXPECT_EQ(asked.rows.size(), 2u);
  EXPECT_EQ(asked.stats.num_later_rows, 1);
  EXPECT_EQ(Run(asked.last({})).rows.size(), 2u);  // the rest
}

TEST_F(IncrementalTest, ALagNeedsATime) {
  http_.set_handler([](const FakeRequest&) { return Cursors({"7"}); });
  table_.incremental->lag_micros = 1'000'000;
  const Read read = Run({});
  ASSERT_FALSE(read.status.ok());
  EXPECT_EQ(FaultOf(read.status), Fault::kConfig);
  EXPECT_EQ(ContextOf(read.status)->code, "E0437");
}

TEST_F(IncrementalTest, BoundsOfARunAreChecked) {
  api_.rows = {{1, 10}, {2, 20}};
  const Position position = Run({}).last({});
  const auto refused = [&](const Position& at, std::optional<std::string> from, std::optional<std::string> to) {
    const Read read = Run(at, from, to);
    return !read.status.ok() && FaultOf(read.status) == Fault::kConfig && ContextOf(read.status)->code == "E0437";
  };
  EXPECT_TRUE(refused(position, "garbage", std::nullopt));
  EXPECT_TRUE(refused(position, std::nullopt, "garbage"));
  EXPECT_TRUE(refused({}, std::nullopt, "garbage"));  // seen at the first row
  EXPECT_TRUE(refused({}, "2030-01-01", "2020-01-01"));
  EXPECT_TRUE(refused({}, "2025-12-01", "2025-12-01T00:00:00Z"));
  EXPECT_FALSE(refused({}, "2025-12-01", "2025-12-02"));
  http_.set_handler([](const FakeRequest&) { return Cursors({R"("2025-12-01")"}); });
  EXPECT_TRUE(refused({}, "garbage", std::nullopt));
}

TEST_F(IncrementalTest, TooManyRowsAtOneValueIsAnErrorForAppendAlone) {
  std::string items = "{\"id\":1,\"at\":7}";
  for (int i = 0; i < 12'000; ++i) items += ",{\"id\":1,\"at\":7}";
  http_.set_handler(
      [&](const FakeRequest&) { return FakeAnswer{.body = "{\"items\":[" + items + "],\"next\":null}"}; });
  table_.primary_key = {"id"};
  table_.boundary = BoundaryRule::kKeyAndContent;
  const Read merged = Run({});
  EXPECT_TRUE(merged.status.ok());
  EXPECT_LT(merged.last({}).json.size(), 100u);  // kept none
  EXPECT_EQ(Run(merged.last({})).rows.size(), 12'001u);
}

TEST(CursorValue, ComparesExactly) {
  IncrementalPlan plan;
  const std::tuple<const char*, const char*, int> cases[] = {
      {"9007199254740993", "9007199254740992.9", 1},
      {"\"2024-01-01T00:00:00Z\"", "\"2024-01-01T01:00:00+01:00\"", 0},
      {"\"2024-01-01T00:00:00.123456789Z\"", "\"2024-01-01T00:00:00.123456788Z\"", 1},
      {"\"2024-01-01T00:00:00.10Z\"", "\"2024-01-01T00:00:00.1Z\"", 0},
      {"\"2024-01-01\"", "\"2024-01-01T00:00:00\"", 0},
      {"\"1969-12-31T23:59:59.5Z\"", "\"1969-12-31T23:59:59.25Z\"", 1},
      {"\"10\"", "\"9\"", 1},
      {"\"/Date(1704067200001+0100)/\"", "\"2024-01-01T00:00:00Z\"", 1},
      {"\"\\/Date(1704067200000)\\/\"", "\"2024-01-01T00:00:00Z\"", 0},
      {"\"-10\"", "\"+0009\"", -1},
      {"\"007\"", "7", 0},
      {"\"-0\"", "\"000\"", 0},
      {"\"100000000000000000000000000000000000000001\"", "\"99999999999999999999999999999999999999999\"", 1},
      {"\"b1\"", "\"a2\"", 1},
      {"\"a\"", "\"\\u0061\"", 0},
  };
  for (const auto& [a, b, order] : cases) {
    const auto left = ReadCursor(a, plan).ValueOrDie();
    const auto right = ReadCursor(b, plan).ValueOrDie();
    EXPECT_EQ(CompareCursors(*left, *right, plan).ValueOrDie(), order) << a << " " << b;
    EXPECT_EQ(CompareCursors(*right, *left, plan).ValueOrDie(), -order) << a << " " << b;
  }
  EXPECT_FALSE(ReadCursor("null", plan).ValueOrDie().has_value());
  for (const char* bad : {"true", "[1]", "{}"}) EXPECT_FALSE(ReadCursor(bad, plan).ok()) << bad;
  EXPECT_FALSE(ReadCursor("x", plan).ValueOrDie().has_value());  // the decoder says what is wrong with the record
}

TEST(CursorValue, FormatsBounds) {
  const auto bound = [](const char* json, CursorFormat format, int64_t lookback_seconds, const char* pattern = "") {
    IncrementalPlan plan{.cursor = "c", .format = format, .pattern = pattern};
    const auto value = ReadCursor(json, plan).ValueOrDie();
    return FormatBound(*value, lookback_seconds * 1'000'000, plan).ValueOr("error");
  };
  EXPECT_EQ(bound("\"2024-01-01T00:00:00+02:00\"", CursorFormat::kIso, 0), "2024-01-01T00:00:00+02:00");  // as it is
  EXPECT_EQ(bound("\"2024-01-01T00:00:00+02:00\"", CursorFormat::kIso, 60), "2023-12-31T21:59:00Z");
  EXPECT_EQ(bound("\"2024-01-01T00:00:00Z\"", CursorFormat::kEpochSeconds, 0), "1704067200");
  EXPECT_EQ(bound("1704067200", CursorFormat::kEpochSeconds, 0), "1704067200");
  EXPECT_EQ(bound("1704067200", CursorFormat::kEpochSeconds, 60), "1704067140");
  EXPECT_EQ(bound("\"1704067200123\"", CursorFormat::kEpochMillis, 1), "1704067199123");
  const char* dotnet = "\"/Date(1704067200123+0000)/\"";
  EXPECT_EQ(bound(dotnet, CursorFormat::kIso, 0), "2024-01-01T00:00:00.123000Z");
  EXPECT_EQ(bound(dotnet, CursorFormat::kPattern, 3600, "%Y-%m-%dT%H:%M:%S"), "2023-12-31T23:00:00");
  EXPECT_EQ(bound("\"2024-01-31\"", CursorFormat::kPattern, 0, "%d/%m/%Y"), "31/01/2024");
  EXPECT_EQ(bound("42", CursorFormat::kIso, 0), "42");
  EXPECT_EQ(bound("42", CursorFormat::kIso, 1), "error");
  EXPECT_EQ(bound("\"0042\"", CursorFormat::kIso, 0), "0042");
  IncrementalPlan berlin{.cursor = "c", .timezone = "Europe/Berlin"};
  const auto local = ReadCursor("\"2024-07-01 10:00:00\"", berlin).ValueOrDie();
  EXPECT_EQ(FormatBound(*local, 3'600'000'000, berlin).ValueOrDie(), "2024-07-01T09:00:00.000000+02:00");
}

}  // namespace
}  // namespace firn::source::rest
