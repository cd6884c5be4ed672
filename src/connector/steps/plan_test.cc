#include "connector/steps/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "io/temporary_folder.h"

namespace firn::connector::steps {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Url(const std::string& text, javascript::Value item) {
  const auto parsed = TextTemplate::Parse(text);
  if (!parsed.ok()) return parsed.status().message();
  javascript::Scope scope;
  scope.names = {{"item", std::move(item)}};
  const auto url = parsed->RenderUrl(scope);
  return url.ok() ? *url : url.status().message();
}

TEST(TextTemplate, EncodesInsideAUrlAndNotAtItsBeginning) {
  const auto item = javascript::ParseJson(R"({"base":"https://a.example/v1","id":"a/b c","n":7})").ValueOrDie();
  EXPECT_EQ(Url("{{ item.base }}/orders/{{ item.id }}", item), "https://a.example/v1/orders/a%2Fb%20c");
  EXPECT_EQ(Url("https://a.example/{{ item.n }}", item), "https://a.example/7");
  EXPECT_THAT(Url("https://a.example/{{ item.nothing }}", item), HasSubstr("never meant inside text"));
}

TEST(TextTemplate, AnExpressionEndsWhereItIsWhole) {
  for (const char* text :
       {"{{ {a: {b: 1}} }}", "{{ ({a: {b: 1}}) }}", "{{ '}}' }}", "{{ [1].map(x => ({y: {z: x}})) }}"}) {
    const auto parsed = TextTemplate::Parse(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_TRUE(parsed->is_expression()) << text;
  }
  EXPECT_FALSE(TextTemplate::Parse("{{ a").ok());
  EXPECT_FALSE(TextTemplate::Parse("{{ }}").ok());
}

TEST(TextTemplate, KnowsTheNamesItTakes) {
  const auto parsed = TextTemplate::Parse(
      "{{ steps.list.body.map(({id, ...rest}) => ({id, rest, x: inputs['k']})) }}{{ Math.max(state.a, y => y + z) }}");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  std::vector<std::string> names;
  for (const auto& use : parsed->names()) names.push_back(use.name + "." + use.member);
  EXPECT_THAT(names, ElementsAre("steps.list", "inputs.k", "state.a", "z."));
}

class PlanTest : public ::testing::Test {
 protected:
  // The steps of a workflow, without the brackets around them.
  Result<WorkflowPlan> Plan(const std::string& steps) {
    std::ofstream(folder_.path() + "/w.json")
        << R"({"steps": 1, "inputs": {"k": {}}, "do": [)" << steps
        << R"(], "state": {"since": {"start": 0, "from": "a", "max": "{{ row.n }}"}}})";
    config::Diagnostics read;
    const auto workflow = config::ReadWorkflow("w.json", folder_.path(), &read).ValueOrDie();
    if (workflow == nullptr) return read.ToStatus();
    config::Diagnostics own;
    auto plan = PlanWorkflow(*workflow, &own);
    findings_ = config::Render(own);
    return plan;
  }

  io::TemporaryFolder folder_;
  std::string findings_;
};

constexpr char kA[] = R"({"id": "a", "request": {"url": "https://x.example/a"}, "rows": "{{ body }}"},)";
constexpr char kB[] =
    R"({"id": "b", "for_each": "a", "request": {"url": "https://x.example/{{ item.id }}"}, "rows": "{{ body }}"},)";

TEST_F(PlanTest, ATableTakesTheStepsItNeeds) {
  const auto plan = Plan(
      std::string(kA) + R"({"id": "login", "request": {"url": "https://x.example/login"}},)" +
      R"({"id": "c", "request": {"url": "https://x.example/c/{{ steps.login.body.id }}"}, "rows": "{{ body }}"},)" +
      kB + R"({"emit": "bs", "from": "b"}, {"emit": "cs", "from": "c"})");
  ASSERT_TRUE(plan.ok()) << findings_;
  EXPECT_THAT(plan->StepsOf("bs"), ElementsAre(0, 3));
  EXPECT_THAT(plan->StepsOf("cs"), ElementsAre(1, 2));
  EXPECT_TRUE(plan->KeepsState("bs"));
  EXPECT_FALSE(plan->KeepsState("cs"));
}

TEST_F(PlanTest, AnEmitSeesWhatIsAskedForEachOfItsRows) {
  EXPECT_TRUE(
      Plan(std::string(kA) + kB + R"({"emit": "t", "from": "a", "transform": "{{ ({...row, b: steps.b.body}) }}"})")
          .ok())
      << findings_;
  const std::string outside = R"({"id": "d", "request": {"url": "https://x.example/{{ steps.b.row.id }}"}},)";
  EXPECT_FALSE(Plan(std::string(kA) + kB + outside + R"({"emit": "t", "from": "a"})").ok());
  EXPECT_THAT(findings_, HasSubstr("is done for each row of `a`, and here there is no such row"));
}

TEST_F(PlanTest, StepsThatMakeNoSenseAreNamedAllAtOnce) {
  EXPECT_FALSE(Plan(std::string(kA) + R"({"id": "a", "request": {"url": "https://x.example/"}},
    {"request": {"url": "https://x.example/"}}, {"id": "n", "request": {"url": "https://x.example/"}},
    {"emit": "t", "from": "n"}, {"emit": "t", "from": "a", "rows": "{{ body }}"},
    {"id": "j", "request": {"url": "https://x.example/{{ inputs.l }}", "json": {}, "form": {}, "params": [1]}})")
                   .ok());
  for (const char* message : {"two steps are called `a`", "a step has `id` and `request`", "step `n` has no `rows`",
                              "`rows` belongs to a request", "the workflow has no input `l`", "a request has one body",
                              "`params` is no mapping"}) {
    EXPECT_THAT(findings_, HasSubstr(message));
  }
}

}  // namespace
}  // namespace firn::connector::steps
