#include "io/postgres_session.h"

#include <gtest/gtest.h>

namespace firn::io {
namespace {

TEST(PostgresSession, SaysWhoMustActOnEachSqlState) {
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

TEST(PostgresSession, AServerThatIsNotThereIsUnreachable) {
  const auto target = ParsePostgresTarget("postgresql://127.0.0.1:1/lake?connect_timeout=5", "", "uri");
  const auto refused = PostgresSession::Open(*target, 1000);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(FaultOf(refused.status()), Fault::kUnreachable) << refused.status().ToString();
}

}  // namespace
}  // namespace firn::io
