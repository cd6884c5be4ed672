#include "source/airbyte/transformations.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "connector/airbyte/manifest_yaml.h"

namespace firn::source::airbyte {
namespace {

class TransformationTest : public ::testing::Test {
 protected:
  TransformationTest() {
    run_.config = EmptyMap();
    run_.clock = &clock_;
  }

  std::string Apply(const char* yaml, const char* record) {
    const Component component(*connector::airbyte::ParseManifestYaml(yaml, "m.yaml"), "");
    const auto made = Transformation::Make(component, run_);
    if (!made.ok()) return made.status().ToString();
    const auto changed = (*made)->Apply(*jinja::ParseJson(record), {});
    return changed.ok() ? jinja::ToJson(*changed) : changed.status().ToString();
  }

  FakeClock clock_{*ParseTimestamp("2024-03-15T10:20:30Z")};
  RunContext run_;
};

TEST_F(TransformationTest, AConditionRemovesEveryFieldItHoldsFor) {
  EXPECT_EQ(Apply("{type: RemoveFields, field_pointers: [[a]], condition: \"{{ property == 'x' }}\"}",
                  R"({"a":"y","b":"x","m":{"c":"x","d":[]},"l":["x",{"e":"x"},"x"]})"),
            R"({"a":"y","m":{"d":[]},"l":[null,{}]})");
}

TEST_F(TransformationTest, FieldsAreRemovedAtAnyDepthAndFromTheEndOfLists) {
  EXPECT_EQ(Apply("{type: RemoveFields, field_pointers: [['**', x]]}", R"({"x":1,"a":{"x":2,"l":[{"x":3,"y":4}]}})"),
            R"({"a":{"l":[{"y":4}]}})");
  EXPECT_EQ(Apply("{type: RemoveFields, field_pointers: [[a, '**']]}", R"({"a":{"b":1},"c":2})"), R"({"c":2})");
  EXPECT_EQ(Apply("{type: RemoveFields, field_pointers: [[l, '-1'], [m, '*']]}", R"({"l":[1,2],"m":[1,2]})"),
            R"({"l":[1],"m":[null]})");
}

TEST_F(TransformationTest, SnakeCaseSpellsLettersInAscii) {
  EXPECT_EQ(Apply("{type: KeysToSnakeCase}", R"({"Käse Brot":1,"ÉtéTotal":2,"Straße":3,"Имя":4,"preis€":5,"日x":6})"),
            R"({"kase_brot":1,"ete_total":2,"strasse":3,"imya":4,"preis_eur":5,"_x":6})");
}

TEST_F(TransformationTest, KeysAreLoweredInEveryAlphabet) {
  EXPECT_EQ(Apply("{type: KeysToLower}", R"({"ÜBER Ä":1})"), R"({"über ä":1})");
}

}  // namespace
}  // namespace firn::source::airbyte
