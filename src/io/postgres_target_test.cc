#include "io/postgres_target.h"

#include <gtest/gtest.h>

#include "base/redactor.h"

namespace firn::io {
namespace {

Result<PostgresTarget> Parse(const std::string& uri, const std::string& password) {
  return ParsePostgresTarget(uri, password, "lake.catalog.uri");
}

TEST(PostgresTarget, TakesAddressesAndShowsNoSecret) {
  const auto target = Parse("postgresql://me:one-secret%21@db.example:6432/lake?connect_timeout=3", "");
  ASSERT_TRUE(target.ok()) << target.status().ToString();
  EXPECT_EQ(target->shown, "postgresql://db.example:6432/lake");
  EXPECT_EQ(target->parameters.at("password"), "one-secret!");
  EXPECT_EQ(target->connect_timeout_ms, 3000);
  EXPECT_EQ(ProcessRedactor().Redact("x one-secret! y"), "x *** y");
}

TEST(PostgresTarget, ThePasswordMayStandApart) {
  EXPECT_EQ(Parse("postgresql://me@db/lake", "apart-secret")->parameters.at("password"), "apart-secret");
  EXPECT_EQ(Parse("postgresql://me:inside@db/lake", "apart-secret")->parameters.at("password"), "inside");
}

TEST(PostgresTarget, OtherMachinesNeedACheckedCertificateUnlessSaidOtherwise) {
  EXPECT_EQ(Parse("postgresql://db.example/lake", "")->parameters.at("sslmode"), "verify-full");
  EXPECT_EQ(Parse("postgresql://db.example/lake?sslmode=require", "")->parameters.at("sslmode"), "require");
  EXPECT_EQ(Parse("postgresql:///lake", "")->parameters.at("sslmode"), "prefer");
  EXPECT_EQ(Parse("postgresql://localhost/lake", "")->parameters.at("sslmode"), "prefer");
  EXPECT_EQ(Parse("postgresql:///lake?host=/run/postgresql", "")->parameters.at("sslmode"), "prefer");
}

// A connection string can make libpq read files and load keys.
TEST(PostgresTarget, LetsOnlyKnownKeywordsThrough) {
  for (const char* keyword :
       {"passfile", "service", "sslkey", "sslcert", "sslcrl", "options", "krbsrvname", "replication"}) {
    const auto refused = Parse(std::string("postgresql://db/lake?") + keyword + "=x", "");
    ASSERT_FALSE(refused.ok()) << keyword;
    EXPECT_EQ(FaultOf(refused.status()), Fault::kConfig);
    EXPECT_NE(refused.status().message().find(keyword), std::string::npos);
  }
}

TEST(PostgresTarget, RefusalsDoNotRepeatTheAddress) {
  for (const char* uri : {"host=db password=deep-secret", "postgresql://me:deep-secret@db/lake?nonsense=1",
                          "postgresql://me:deep-secret@[::1/lake", "mysql://me:deep-secret@db/lake", "",
                          "postgresql://me:deep-secret@db/lake?connect_timeout=soon"}) {
    const auto refused = Parse(uri, "");
    ASSERT_FALSE(refused.ok()) << uri;
    EXPECT_EQ(refused.status().ToString().find("deep-secret"), std::string::npos) << refused.status().ToString();
  }
}

}  // namespace
}  // namespace firn::io
