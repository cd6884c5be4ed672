#include "catalog/postgres/connection_target.h"

#include <gtest/gtest.h>

#include "base/redactor.h"
#include "catalog/postgres/connection.h"

namespace firn::catalog::postgres {
namespace {

TEST(ConnectionTarget, TakesAddressesAndShowsNoSecret) {
  const auto target = ParseTarget("postgresql://me:one-secret%21@db.example:6432/lake?connect_timeout=3", "");
  ASSERT_TRUE(target.ok()) << target.status().ToString();
  EXPECT_EQ(target->shown, "postgresql://db.example:6432/lake");
  EXPECT_EQ(target->parameters.at("password"), "one-secret!");
  EXPECT_EQ(target->connect_timeout_ms, 3000);
  EXPECT_EQ(ProcessRedactor().Redact("x one-secret! y"), "x *** y");
}

TEST(ConnectionTarget, ThePasswordMayStandApart) {
  EXPECT_EQ(ParseTarget("postgresql://me@db/lake", "apart-secret")->parameters.at("password"), "apart-secret");
  EXPECT_EQ(ParseTarget("postgresql://me:inside@db/lake", "apart-secret")->parameters.at("password"), "inside");
}

TEST(ConnectionTarget, OtherMachinesNeedACheckedCertificateUnlessSaidOtherwise) {
  EXPECT_EQ(ParseTarget("postgresql://db.example/lake", "")->parameters.at("sslmode"), "verify-full");
  EXPECT_EQ(ParseTarget("postgresql://db.example/lake?sslmode=require", "")->parameters.at("sslmode"), "require");
  EXPECT_EQ(ParseTarget("postgresql:///lake", "")->parameters.at("sslmode"), "prefer");
  EXPECT_EQ(ParseTarget("postgresql://localhost/lake", "")->parameters.at("sslmode"), "prefer");
  EXPECT_EQ(ParseTarget("postgresql:///lake?host=/run/postgresql", "")->parameters.at("sslmode"), "prefer");
}

// A connection string can make libpq read files and load keys.
TEST(ConnectionTarget, LetsOnlyKnownKeywordsThrough) {
  for (const char* keyword :
       {"passfile", "service", "sslkey", "sslcert", "sslcrl", "options", "krbsrvname", "replication"}) {
    const auto refused = ParseTarget(std::string("postgresql://db/lake?") + keyword + "=x", "");
    ASSERT_FALSE(refused.ok()) << keyword;
    EXPECT_EQ(FaultOf(refused.status()), Fault::kConfig);
    EXPECT_NE(refused.status().message().find(keyword), std::string::npos);
  }
}

TEST(ConnectionTarget, RefusalsDoNotRepeatTheAddress) {
  for (const char* uri : {"host=db password=deep-secret", "postgresql://me:deep-secret@db/lake?nonsense=1",
                          "postgresql://me:deep-secret@[::1/lake", "mysql://me:deep-secret@db/lake", "",
                          "postgresql://me:deep-secret@db/lake?connect_timeout=soon"}) {
    const auto refused = ParseTarget(uri, "");
    ASSERT_FALSE(refused.ok()) << uri;
    EXPECT_EQ(refused.status().ToString().find("deep-secret"), std::string::npos) << refused.status().ToString();
  }
}

TEST(PostgresConnection, SaysWhoMustActOnEachSqlState) {
  const std::pair<const char*, Fault> cases[] = {{"40001", Fault::kConflict},
                                                 {"40P01", Fault::kConflict},
                                                 {"23505", Fault::kConflict},
                                                 {"55P03", Fault::kTransient},
                                                 {"57014", Fault::kTransient},
                                                 {"57P01", Fault::kTransient},
                                                 {"57P03", Fault::kTransient},
                                                 {"53300", Fault::kTransient},
                                                 {"08006", Fault::kTransient},
                                                 {"25006", Fault::kTransient},
                                                 {"28P01", Fault::kAuth},
                                                 {"42501", Fault::kAuth},
                                                 {"3D000", Fault::kConfig},
                                                 {"42P01", Fault::kConfig},
                                                 {"22001", Fault::kConfig},
                                                 {"XX000", Fault::kBug},
                                                 {"", Fault::kBug}};
  for (const auto& [sqlstate, fault] : cases) EXPECT_EQ(FaultFromSqlState(sqlstate), fault) << sqlstate;
}

TEST(PostgresConnection, AServerThatIsNotThereIsUnreachable) {
  const auto target = ParseTarget("postgresql://127.0.0.1:1/lake?connect_timeout=5", "");
  const auto refused = Connection::Open(*target, 1000);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(FaultOf(refused.status()), Fault::kUnreachable) << refused.status().ToString();
}

}  // namespace
}  // namespace firn::catalog::postgres
