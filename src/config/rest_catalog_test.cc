#include "config/rest_catalog.h"

#include <gtest/gtest.h>

#include "config/project.h"

namespace firn::config {
namespace {

Result<Project> Load(const std::string& catalog) {
  LoadOptions options;
  options.config = "-";
  options.stdin_text = "lake: {catalog: " + catalog + "}\n";
  Diagnostics diagnostics;
  return LoadProject(options, &diagnostics);
}

TEST(RestCatalog, IsLowered) {
  const auto project =
      Load("{type: rest, uri: \"http://127.0.0.1:8181\", warehouse: w, token: secret-token, sigv4_region: eu-west-1}");
  ASSERT_TRUE(project.ok()) << project.status().ToString();
  const CatalogConfig& catalog = project->lake.catalog;
  EXPECT_EQ(catalog.type, CatalogType::kRest);
  EXPECT_EQ(catalog.rest.uri, "http://127.0.0.1:8181");
  EXPECT_EQ(catalog.rest.warehouse, "w");
  EXPECT_EQ(catalog.rest.token, "secret-token");
  EXPECT_EQ(catalog.rest.scope, "catalog");
  EXPECT_EQ(catalog.rest.sigv4_region, "eu-west-1");
  EXPECT_EQ(catalog.rest.sigv4_service, "execute-api");
  EXPECT_TRUE(catalog.path.empty());
}

TEST(RestCatalog, NeedsItsAddress) {
  EXPECT_FALSE(Load("{type: rest, warehouse: w}").ok());
}

}  // namespace
}  // namespace firn::config
