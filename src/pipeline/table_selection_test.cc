#include "pipeline/table_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/run_plan.h"

namespace firn::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

config::TableConfig Table(const char* name, std::vector<std::string> tags, const char* parent = "") {
  config::TableConfig table;
  table.name = name;
  table.tags = std::move(tags);
  table.parent = parent;
  return table;
}

class Selecting : public testing::Test {
 protected:
  Selecting() {
    config::PipelineConfig shop{.name = "shop", .dataset = "dev_shop"};
    shop.tables = {Table("orders", {"money"}), Table("items", {"money", "large"}, "orders"), Table("people", {})};
    config::PipelineConfig news{.name = "news", .dataset = "news"};
    news.tables = {Table("people", {"large"})};
    project_.pipelines = {shop, news};
  }

  std::vector<std::string> Names(const TableSelection& selection) const {
    const auto groups = PlanGroups(project_, selection);
    if (!groups.ok()) return {groups.status().message()};
    std::vector<std::string> names;
    for (const auto& group : *groups) {
      for (const auto* table : group.tables) names.push_back(group.pipeline->name + "." + table->name);
    }
    return names;
  }

  config::Project project_;
};

TEST_F(Selecting, ByNamesOfAllKinds) {
  EXPECT_THAT(Names({}), ElementsAre("shop.orders", "shop.items", "shop.people", "news.people"));
  EXPECT_THAT(Names({.select = {"people"}}), ElementsAre("shop.people", "news.people"));
  EXPECT_THAT(Names({.select = {"shop.people"}}), ElementsAre("shop.people"));
  EXPECT_THAT(Names({.select = {"dev_shop.people"}}), ElementsAre("shop.people"));
  EXPECT_THAT(Names({.select = {"news"}}), ElementsAre("news.people"));
  EXPECT_THAT(Names({.select = {"shop.*"}}), ElementsAre("shop.orders", "shop.items", "shop.people"));
  EXPECT_THAT(Names({.select = {"*eop*"}}), ElementsAre("shop.people", "news.people"));
  EXPECT_THAT(Names({.select = {"p*e"}}), ElementsAre("shop.people", "news.people"));
}

TEST_F(Selecting, AMemberBringsItsGroup) {
  EXPECT_THAT(Names({.select = {"items"}}), ElementsAre("shop.orders", "shop.items"));
  EXPECT_THAT(Names({.exclude = {"items"}}), ElementsAre("shop.people", "news.people"));
}

TEST_F(Selecting, ByTag) {
  EXPECT_THAT(Names({.select = {"tag:large"}}), ElementsAre("shop.orders", "shop.items", "news.people"));
  EXPECT_THAT(Names({.select = {"tag:large"}, .exclude = {"shop"}}), ElementsAre("news.people"));
  EXPECT_THAT(Names({.exclude = {"tag:m*"}}), ElementsAre("shop.people", "news.people"));
}

TEST_F(Selecting, WhatFailedMayBeNothing) {
  EXPECT_THAT(Names({.select = {"state:failed"}, .failed = {"dev_shop.people"}}), ElementsAre("shop.people"));
  EXPECT_THAT(Names({.select = {"state:failed"}}), ElementsAre());
  TableSelection other{.select = {"state:modified"}};
  EXPECT_EQ(FaultOf(FillStates(nullptr, "", &other)), Fault::kConfig);
  TableSelection none{.select = {"orders"}};
  EXPECT_TRUE(FillStates(nullptr, "", &none).ok());
}

TEST_F(Selecting, AWordThatMeansNothingIsRefusedWithWhatThereIs) {
  for (const TableSelection& wrong :
       {TableSelection{.select = {"order"}}, TableSelection{.exclude = {"shop.order?"}}}) {
    const Status error = PlanGroups(project_, wrong).status();
    EXPECT_EQ(FaultOf(error), Fault::kConfig);
    EXPECT_THAT(ContextOf(error)->why, HasSubstr("shop.orders, shop.items, shop.people, news.people"));
  }
  EXPECT_THAT(ContextOf(PlanGroups(project_, {.select = {"tag:daily"}}).status())->why, HasSubstr("large, money"));
}

}  // namespace
}  // namespace firn::pipeline
