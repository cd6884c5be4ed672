#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "source/rest/fake_http.h"
#include "source/rest/source.h"

namespace firn::source::rest {
namespace {

using connector::StatusRule;
using connector::Template;

class ParentsUpTo : public ParentRows {
 public:
  explicit ParentsUpTo(int count) : count_(count) {}
  Result<std::optional<std::string>> Next(std::stop_token) override {
    if (next_ == count_) return std::nullopt;
    return "{\"id\":" + std::to_string(next_++) + "}";
  }

 private:
  const int count_;
  int next_ = 0;
};

struct Outcome {
  Status status;
  std::vector<std::string> parents;  // of each row
  ReadStats stats;
};

class ChildStatusTest : public ::testing::Test {
 protected:
  ChildStatusTest() {
    table_.name = "items";
    table_.where = "firn.yaml:9:7";
    table_.path = Template::Parse("/orders/{{ parent.id }}/items").ValueOrDie();
    table_.records = "items";
    table_.paginate = {.type = connector::PaginatePlan::Type::kCursor, .param = "c", .next = "next"};
    table_.parent = connector::ParentPlan{.table = "orders", .fields = {"id"}, .include = {{"order_id", "id"}}};
    table_.status_rules = {{404, 404, StatusRule::Action::kEmpty, /*declared=*/false},
                           {410, 410, StatusRule::Action::kEmpty, /*declared=*/false}};
    http_.set_handler([this](const FakeRequest& request) {
      const int id = std::stoi(request.path.substr(8));
      if (missing_.contains(id)) return FakeAnswer{.body = "gone", .status = status_};
      if (request.Has("c") && second_page_missing_) return FakeAnswer{.body = "gone", .status = 404};
      return FakeAnswer{.body = second_page_missing_ ? R"({"items":[{"n":1}],"next":"x"})" : R"({"items":[{"n":1}]})"};
    });
  }

  Outcome Read(int num_parents) {
    connector::RestPlan plan{.name = "shop", .base_url = "https://api.example"};
    plan.tables = {table_};
    plan.http.attempts_max = 2;
    const auto source = MakeRestSource(plan, {.http = &http_, .clock = &clock_}).ValueOrDie();
    ReadRequest request{.table = "items"};
    request.parents = std::make_unique<ParentsUpTo>(num_parents);
    const auto splits = source->Plan(request, {}).ValueOrDie();
    const auto reader = source->OpenSplit(request, splits.front()).ValueOrDie();
    Outcome outcome;
    for (;;) {
      const auto event = reader->Next({});
      outcome.status = event.status();
      outcome.stats = source->stats("items");
      if (!event.ok() || !event->has_value()) return outcome;
      if (const auto* batch = std::get_if<Batch>(&**event)) {
        outcome.parents.push_back(std::get<JsonRows>(batch->rows).constants.front().second);
      }
    }
  }

  FakeClock clock_;
  connector::TablePlan table_;
  FakeHttp http_{nullptr};
  std::set<int> missing_;
  int status_ = 404;
  bool second_page_missing_ = false;
};

TEST_F(ChildStatusTest, OneMissingParentHasNoRowsAndIsCounted) {
  for (const int status : {404, 410}) {
    status_ = status;
    missing_ = {1};
    const Outcome outcome = Read(3);
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_THAT(outcome.parents, ::testing::ElementsAre("0", "2"));
    EXPECT_EQ(outcome.stats.num_empty, 1);
  }
}

TEST_F(ChildStatusTest, OtherStatusesFailAsBefore) {
  for (const int status : {400, 401, 403, 422, 500}) {
    status_ = status;
    missing_ = {1};
    EXPECT_FALSE(Read(3).status.ok()) << status;
  }
}

TEST_F(ChildStatusTest, DeclaredRulesComeFirst) {
  missing_ = {1};
  table_.status_rules.insert(table_.status_rules.begin(), {400, 499, StatusRule::Action::kFail});
  EXPECT_FALSE(Read(3).status.ok());
  table_.status_rules.front().action = StatusRule::Action::kEmpty;
  status_ = 403;
  EXPECT_TRUE(Read(3).status.ok());
  table_.status_rules.front().action = StatusRule::Action::kRetry;
  const Outcome outcome = Read(3);
  EXPECT_FALSE(outcome.status.ok());
  EXPECT_EQ(outcome.stats.num_retries, 1);
}

TEST_F(ChildStatusTest, ManyRequestsThatAreAllMissingAreAWrongPath) {
  for (int i = 0; i < 50; ++i) missing_.insert(i);
  EXPECT_TRUE(Read(19).status.ok());
  const Outcome outcome = Read(20);
  ASSERT_FALSE(outcome.status.ok());
  EXPECT_EQ(ContextOf(outcome.status)->code, "E0445");
  missing_.erase(0);
  EXPECT_TRUE(Read(50).status.ok());
  missing_.insert(0);
  table_.status_rules.insert(table_.status_rules.begin(), {404, 404, StatusRule::Action::kEmpty});
  EXPECT_TRUE(Read(50).status.ok());
}

TEST_F(ChildStatusTest, AMissingSecondPageIsNoEnd) {
  second_page_missing_ = true;
  const Outcome outcome = Read(1);
  ASSERT_FALSE(outcome.status.ok());
  EXPECT_EQ(ContextOf(outcome.status)->code, "E0445");
  table_.status_rules.insert(table_.status_rules.begin(), {404, 404, StatusRule::Action::kEmpty});
  EXPECT_TRUE(Read(1).status.ok());
}

}  // namespace
}  // namespace firn::source::rest
