#include "source/airbyte/partition_router.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "connector/airbyte/manifest_yaml.h"
#include "source/airbyte/stream.h"

namespace firn::source::airbyte {
namespace {

class PartitionRouterTest : public ::testing::Test {
 protected:
  PartitionRouterTest() {
    run_.config = EmptyMap();
    run_.clock = &clock_;
  }

  Result<std::string> Partitions(const std::string& router) {
    const StreamContext context{.run = &run_, .is_parent = false, .depth = 0, .cursor_field = ""};
    const Component retriever(*connector::airbyte::ParseManifestYaml("{partition_router: " + router + "}", "m.yaml"),
                              "");
    ARROW_ASSIGN_OR_RAISE(const auto made, PartitionRouter::MakeFor(retriever, context, EmptyMap()));
    std::string seen;
    ARROW_RETURN_NOT_OK(made->Slices([&](const Slice& slice) {
      seen += jinja::ToJson(slice.partition) + jinja::ToJson(slice.extra);
      return Status::OK();
    }));
    return seen;
  }

  FakeClock clock_{*ParseTimestamp("2024-03-15T10:20:30Z")};
  RunContext run_;
};

constexpr char kList[] = "{type: ListPartitionRouter, cursor_field: repo, values: ";

TEST_F(PartitionRouterTest, AUnionGivesEachValueOnceInOrder) {
  const std::string a = std::string(kList) + "[x, y]}", b = std::string(kList) + "[y, z, x]}";
  EXPECT_EQ(
      *Partitions("{type: UnionPartitionRouter, partition_field: repo, partition_routers: [" + a + ", " + b + "]}"),
      R"({"repo":"x"}{}{"repo":"y"}{}{"repo":"z"}{})");
}

TEST_F(PartitionRouterTest, AUnionHasAParentStateEvenWithoutParents) {
  const StreamContext context{.run = &run_, .is_parent = false, .depth = 0, .cursor_field = ""};
  const std::string list = std::string(kList) + "[x]}";
  for (const auto& [router, state] :
       {std::pair<std::string, std::string>{list, ""},
        {"{type: UnionPartitionRouter, partition_field: repo, partition_routers: [" + list + ", " + list + "]}",
         "{}"}}) {
    const Component retriever(*connector::airbyte::ParseManifestYaml("{partition_router: " + router + "}", "m.yaml"),
                              "");
    const auto made = PartitionRouter::MakeFor(retriever, context, EmptyMap());
    ASSERT_TRUE(made.ok()) << made.status();
    const auto parents = (*made)->ParentState();
    EXPECT_EQ(parents ? jinja::ToJson(*parents) : "", state);
  }
}

TEST_F(PartitionRouterTest, AUnionRefusesWhatItCouldNotPlace) {
  const std::string a = std::string(kList) + "[x]}";
  const std::string other = "{type: ListPartitionRouter, cursor_field: owner, values: [x]}";
  const std::string asks =
      std::string(kList) + "[x], request_option: {type: RequestOption, inject_into: header, field_name: r}}";
  for (const std::string& routers : {a, a + ", " + other, a + ", " + asks}) {
    const auto made =
        Partitions("{type: UnionPartitionRouter, partition_field: repo, partition_routers: [" + routers + "]}");
    EXPECT_FALSE(made.ok()) << routers;
  }
}

}  // namespace
}  // namespace firn::source::airbyte
