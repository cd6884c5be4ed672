#include "connector/native/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "io/temporary_folder.h"

namespace firn::connector {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Lowered {
  Result<RestPlan> plan = Status::Invalid("not lowered");
  std::vector<config::Diagnostic> findings;
  Status loaded;
};

class LowerTest : public ::testing::Test {
 protected:
  Lowered Lower(const std::string& tables, const std::string& auth = "{type: bearer, token: abcdef}") {
    std::ofstream(folder_.path() + "/firn.yaml") << "version: 1\npipelines:\n  shop:\n    source:\n      type: rest\n"
                                                    "      base_url: https://api.example/v1\n"
                                                    "      auth: "
                                                 << auth
                                                 << "\n"
                                                    "      headers: {X-Client: firn}\n"
                                                    "    dataset: shop\n    tables:\n"
                                                 << tables;
    config::LoadOptions options;
    options.config = folder_.path() + "/firn.yaml";
    options.working_folder = folder_.path();
    config::Diagnostics diagnostics;
    auto project = config::LoadProject(options, &diagnostics);
    Lowered lowered{.loaded = project.status()};
    if (project.ok()) {
      config::Diagnostics own;
      lowered.plan = LowerNative(*project, project->pipelines[0], &own);
      lowered.findings = own.Sorted();
    }
    return lowered;
  }

 private:
  io::TemporaryFolder folder_;
};

TEST_F(LowerTest, LowersTheProjectOfTheDesignPage) {
  const Lowered lowered = Lower(R"(
      orders:
        path: /orders
        records: data.items
        paginate: {type: cursor, next: meta.next, param: cursor}
        primary_key: id
        incremental: {cursor: updated_at, param: since, format: iso, lookback: 1h, start: 2024-01-01}
        write_disposition: merge
        delete_when: "{{ record.meta.deleted }}"
      order_items:
        parent: orders
        path: /orders/{{ parent.id }}/items
        include: {order_id: parent.id, region: parent.address.region}
        primary_key: [order_id, line]
)");
  ASSERT_TRUE(lowered.loaded.ok()) << lowered.loaded;
  ASSERT_TRUE(lowered.plan.ok()) << lowered.plan.status();
  const RestPlan& plan = *lowered.plan;
  EXPECT_EQ(plan.auth.type, AuthPlan::Type::kBearer);
  EXPECT_EQ(plan.auth.token, "abcdef");
  ASSERT_EQ(plan.headers.size(), 1u);
  const TablePlan& orders = *plan.Find("orders");
  EXPECT_EQ(orders.records, "data.items");
  EXPECT_EQ(orders.paginate.type, PaginatePlan::Type::kCursor);
  EXPECT_EQ(orders.paginate.next, "meta.next");
  ASSERT_TRUE(orders.incremental.has_value());
  EXPECT_EQ(orders.incremental->lookback_micros, 3'600'000'000);
  EXPECT_EQ(orders.incremental->start, "2024-01-01");
  EXPECT_EQ(orders.boundary, BoundaryRule::kKeyAndContent);
  EXPECT_THAT(orders.delete_fields, ElementsAre("meta.deleted"));
  EXPECT_THAT(orders.child_fields, ElementsAre("address.region", "id"));
  EXPECT_THAT(orders.where, HasSubstr("firn.yaml:"));
  const TablePlan& items = *plan.Find("order_items");
  ASSERT_TRUE(items.parent.has_value());
  EXPECT_EQ(items.parent->table, "orders");
  EXPECT_THAT(items.parent->fields, ElementsAre("address.region", "id"));
  EXPECT_THAT(items.parent->include, ElementsAre(std::pair<std::string, std::string>("order_id", "id"),
                                                 std::pair<std::string, std::string>("region", "address.region")));
  EXPECT_EQ(items.boundary, BoundaryRule::kNone);
}

TEST_F(LowerTest, BoundaryRuleFollowsTheWriteDisposition) {
  const std::tuple<const char*, BoundaryRule> cases[] = {
      {"primary_key: id, write_disposition: append", BoundaryRule::kKey},
      {"write_disposition: append", BoundaryRule::kContent},
      {"primary_key: id", BoundaryRule::kKeyAndContent},
  };
  for (const auto& [fields, rule] : cases) {
    const Lowered lowered =
        Lower("      t: {path: /t, incremental: {cursor: at, param: since}, " + std::string(fields) + "}\n");
    ASSERT_TRUE(lowered.plan.ok()) << lowered.loaded << lowered.plan.status();
    EXPECT_EQ(lowered.plan->tables[0].boundary, rule) << fields;
  }
}

TEST_F(LowerTest, PointsIntoTheTemplateThatIsWrong) {
  const Lowered lowered = Lower("      t:\n        path: /t/{{ parnt.id }}\n        params: {q: \"{{ 1 + }}\"}\n");
  ASSERT_TRUE(lowered.loaded.ok()) << lowered.loaded;
  ASSERT_FALSE(lowered.plan.ok());
  EXPECT_EQ(FaultOf(lowered.plan.status()), Fault::kConfig);
  ASSERT_EQ(lowered.findings.size(), 2u);
  EXPECT_EQ(lowered.findings[0].code, "E0451");
  EXPECT_EQ(lowered.findings[0].message, "unknown name 'parnt' in an expression");
  EXPECT_EQ(lowered.findings[0].span.line, 12u);
  EXPECT_EQ(lowered.findings[0].span.column, 21u);
  EXPECT_EQ(lowered.findings[0].span.end_column, 26u);
  EXPECT_EQ(lowered.findings[1].code, "E0450");
  EXPECT_EQ(lowered.findings[1].message, "the expression ends too early");
}

TEST_F(LowerTest, PointsIntoTheTextThatIsToBeSigned) {
  const Lowered lowered = Lower("      t: {}\n", "{type: hmac, key: abcdef, sign: '{{ response.body }}'}");
  ASSERT_TRUE(lowered.loaded.ok()) << lowered.loaded;
  ASSERT_EQ(lowered.findings.size(), 1u);
  EXPECT_EQ(lowered.findings[0].code, "E0451");
  EXPECT_EQ(lowered.findings[0].span.line, 7u);
}

TEST_F(LowerTest, AGraphQlRequestIsAPostToTheBaseUrlItself) {
  const Lowered lowered = Lower(
      "      t: {graphql: {query: '{ a }', variables: {n: 1}}, paginate: {type: graphql, page_info: data.a.info}}\n");
  ASSERT_TRUE(lowered.plan.ok()) << lowered.loaded << lowered.plan.status();
  const TablePlan& table = lowered.plan->tables[0];
  EXPECT_EQ(table.method, "POST");
  EXPECT_EQ(table.path.source(), "");
  ASSERT_TRUE(table.body.has_value());
  EXPECT_EQ(table.body->keys, (std::vector<std::string>{"query", "variables"}));
  EXPECT_TRUE(table.is_graphql && table.refuses_graphql_errors);
  EXPECT_EQ(table.paginate.type, PaginatePlan::Type::kCursor);
  EXPECT_EQ(table.paginate.next, "data.a.info.endCursor");
  EXPECT_EQ(table.paginate.has_more, "data.a.info.hasNextPage");
  EXPECT_EQ(table.paginate.body_path, "variables.after");
}

TEST_F(LowerTest, TheRulesOfATableComeBeforeThoseOfItsSource) {
  const Lowered lowered =
      Lower("      t: {path: /t, on_response: [{status: 404, action: empty}]}\n      u: {path: /u}\n",
            "{type: none}\n      on_response: [{when: \"{{ response.ok == false }}\", action: rate_limited, wait: 30s, "
            "message: 'no: {{ "
            "response.error }}'}]");
  ASSERT_TRUE(lowered.plan.ok()) << lowered.loaded << lowered.plan.status();
  const auto& rules = lowered.plan->tables[0].response_rules;
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules[0].status_min, 404);
  EXPECT_FALSE(rules[0].when.has_value());
  EXPECT_EQ(rules[0].action, ResponseRule::Action::kEmpty);
  EXPECT_EQ(rules[1].action, ResponseRule::Action::kRateLimited);
  EXPECT_EQ(rules[1].wait_ms, 30'000);
  EXPECT_THAT(rules[1].where, HasSubstr("firn.yaml:"));
  EXPECT_TRUE(rules[1].message.has_value());
  EXPECT_EQ(lowered.plan->tables[1].response_rules.size(), 1u);
}

TEST_F(LowerTest, RefusesWhatCannotBeExact) {
  const std::tuple<const char*, const char*> cases[] = {
      {"      p: {path: /p}\n      t: {parent: p, path: '/p/{{ parent.id }}', incremental: {cursor: at}}\n", "E0407"},
      {"      p: {path: /p}\n      t: {parent: p, path: '/p/{{ parent }}'}\n", "E0450"},
      {"      t: {path: /t, on_response: [{when: '{{ body.ok }}', action: fail}]}\n", "E0451"},
      {"      t: {columns: {d: {type: timestamptz, timezone: Europe/Nowhere}}}\n", "E0418"},
  };
  for (const auto& [tables, code] : cases) {
    const Lowered lowered = Lower(tables);
    ASSERT_TRUE(lowered.loaded.ok()) << tables << lowered.loaded;
    ASSERT_FALSE(lowered.plan.ok()) << tables;
    EXPECT_EQ(lowered.findings[0].code, code) << tables;
  }
}

}  // namespace
}  // namespace firn::connector
