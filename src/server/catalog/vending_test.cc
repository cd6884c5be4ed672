#include "server/catalog/vending.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace firn::server {
namespace {

using Json = nlohmann::json;

TEST(TablePolicy, OpensTheFolderOfTheTableAlone) {
  const auto text = TablePolicy("s3://bucket/lake/shop/orders", /*may_write=*/false);
  ASSERT_TRUE(text.ok()) << text.status().ToString();
  const Json policy = Json::parse(*text);
  EXPECT_EQ(policy["Statement"][0]["Resource"], Json::array({"arn:aws:s3:::bucket/lake/shop/orders/*"}));
  EXPECT_EQ(policy["Statement"][0]["Action"], Json::array({"s3:GetObject"}));
  EXPECT_EQ(policy["Statement"][1]["Condition"]["StringLike"]["s3:prefix"],
            Json::array({"lake/shop/orders", "lake/shop/orders/", "lake/shop/orders/*"}));
  const Json writing = Json::parse(*TablePolicy("s3://bucket/lake/shop/orders", /*may_write=*/true));
  EXPECT_EQ(writing["Statement"][0]["Action"].size(), 5u);
}

// A table called * would open the bucket, one called ${aws:username} somebody's folder.
TEST(TablePolicy, RefusesNamesThatPoliciesReadAsPatterns) {
  for (const char* location : {"s3://bucket/lake/*", "s3://bucket/lake/a?", "s3://bucket/lake/${aws:username}",
                               "s3://bucket/lake/a\"b", "s3://bucket", "gs://bucket/lake/t"}) {
    EXPECT_FALSE(TablePolicy(location, true).ok()) << location;
  }
}

TEST(CredentialVendor, GivesStaticKeysToWritersAlone) {
  FakeClock clock;
  CredentialVendor vendor({.config = {.kind = config::VendConfig::Kind::kStatic},
                           .storage = {.endpoint = "http://127.0.0.1:9000",
                                       .region = "eu-west-1",
                                       .access_key = "key",
                                       .secret_key = "secret-of-the-lake"}},
                          clock);
  EXPECT_TRUE(vendor.Vend("s3://bucket/lake/t", /*may_write=*/false)->empty());
  EXPECT_TRUE(vendor.Vend("file:///lake/t", /*may_write=*/true)->empty());
  const auto vended = *vendor.Vend("s3://bucket/lake/t", /*may_write=*/true);
  ASSERT_EQ(vended.size(), 1u);
  EXPECT_EQ(vended[0].prefix, "s3://bucket/lake/t");
  EXPECT_EQ(vended[0].config.at("s3.secret-access-key"), "secret-of-the-lake");
  EXPECT_EQ(vended[0].config.at("client.region"), "eu-west-1");
  EXPECT_EQ(vended[0].config.at("s3.path-style-access"), "true");
  EXPECT_FALSE(vended[0].config.contains("s3.session-token"));
}

TEST(CredentialVendor, GivesNothingUnlessItIsAskedFor) {
  FakeClock clock;
  CredentialVendor vendor({.storage = {.access_key = "key", .secret_key = "secret-of-the-lake"}}, clock);
  EXPECT_TRUE(vendor.Vend("s3://bucket/lake/t", /*may_write=*/true)->empty());
}

}  // namespace
}  // namespace firn::server
