#include "config/lake_catalogs.h"

#include <utility>

namespace firn::config {
namespace {

constexpr int64_t kVendMsMin = 15 * 60'000;
constexpr int64_t kVendMsMax = 12 * 3'600'000;

// Of the kinds that `firn catalog serve` serves.
std::vector<Field> WithVendFields(std::vector<Field> fields) {
  fields.push_back(
      Enum("vend_credentials", {{"none", "clients bring their own"},
                                {"static", "the keys of lake.storage, to every client that may load tables"},
                                {"sts", "temporary keys for the files of the one table, from the store's STS"}})
          .Default("none")
          .Doc("What `firn catalog serve` hands to clients that ask for credentials of a table's files."));
  fields.push_back(Text("vend_role_arn")
                       .Doc("Role that `vend_credentials: sts` assumes for clients; stores other than AWS need none.")
                       .Example("arn:aws:iam::123456789012:role/lake-readers"));
  fields.push_back(
      Duration("vend_lifetime").Default("1h").Range(kVendMsMin, kVendMsMax).Doc("How long temporary keys are valid."));
  return fields;
}

}  // namespace

Variant SqliteCatalogVariant() {
  return {
      .tag_value = "sqlite",
      .doc = "A SQLite file in the JDBC layout, which pyiceberg and Java read too.",
      .fields = WithVendFields(
          {Text("path")
               .Doc("The database file, relative to the project. Default: catalog.db in the warehouse; in the folder "
                    "`state` if the warehouse is on an object store.")
               .Example("./lake/catalog.db")})};
}

Variant PostgresCatalogVariant() {
  return {.tag_value = "postgres",
          .doc = "Tables of a Postgres database in the JDBC layout, which pyiceberg and Java read too.",
          .fields = WithVendFields(
              {Text("uri")
                   .Required()
                   .InterpolatedIsSecret()
                   .Doc("postgresql://user@host:port/database; may hold sslmode, sslrootcert and connect_timeout.")
                   .Example("${env:CATALOG_URI}"),
               Text("password").Secret().Doc("Instead of one in the uri.").Example("${env:CATALOG_PASSWORD}")})};
}

Variant GlueCatalogVariant() {
  return {
      .tag_value = "glue",
      .doc = "The AWS Glue Data Catalog, by its own interface. Keys: those of lake.storage, else the provider's chain.",
      .fields = {Text("region").Doc("Default: lake.storage's, AWS_REGION.").Example("eu-west-1"),
                 Url("endpoint").Doc("Default: AWS_ENDPOINT_URL_GLUE, AWS_ENDPOINT_URL, else AWS."),
                 Text("catalog_id").Doc("Account of the catalog. Default: the caller's.").Example("123456789012")}};
}

Variant HadoopCatalogVariant() {
  return {.tag_value = "hadoop",
          .doc =
              "Tables that are found by their folders, <warehouse>/<namespace>/<table>/metadata/vN.metadata.json. Only "
              "read: the layout has no safe commit.",
          .fields = {}};
}

PostgresCatalogConfig LowerPostgresCatalog(const ObjectView& catalog) {
  return {.uri = catalog.Text("uri"), .password = catalog.Text("password")};
}

GlueCatalogConfig LowerGlueCatalog(const ObjectView& catalog) {
  return {
      .region = catalog.Text("region"), .endpoint = catalog.Text("endpoint"), .catalog_id = catalog.Text("catalog_id")};
}

VendConfig LowerVend(const ObjectView& catalog) {
  VendConfig vend{.role_arn = catalog.Text("vend_role_arn"), .lifetime_ms = catalog.Int("vend_lifetime")};
  const std::string kind = catalog.Text("vend_credentials");
  if (kind == "static") vend.kind = VendConfig::Kind::kStatic;
  if (kind == "sts") vend.kind = VendConfig::Kind::kSts;
  return vend;
}

}  // namespace firn::config
