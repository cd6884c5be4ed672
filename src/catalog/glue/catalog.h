#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "catalog/catalog.h"
#include "catalog/registry.h"
#include "io/file_store.h"
#include "io/storage_keys.h"

/// Tables of the AWS Glue Data Catalog (docs/reference/catalogs.md).
namespace firn::catalog::glue {

struct GlueCatalogOptions {
  std::string endpoint;    // "https://glue.eu-west-1.amazonaws.com"
  std::string region;      // to sign for
  std::string catalog_id;  // empty: the caller's account
  std::string warehouse;   // tables go to <warehouse>/<database>/<table>
  std::string ca_file;     // PEM; empty: the system's
  io::AwsKeySource keys;
  int64_t total_ms = 60'000;  // of one call: attempts and waits together
  int64_t backoff_base_ms = 200;
};

/// Makes no request. `files` and `clock` outlive it. One table per commit. A commit is UpdateTable under the VersionId
/// that was read, so a repeated one cannot be applied twice: one whose answer is lost is sent again and looked after
/// until Glue has answered. Namespaces are databases: one level, lower case. Renaming is refused: Glue cannot.
Result<std::unique_ptr<Catalog>> OpenGlueCatalog(GlueCatalogOptions options, io::FileStore& files, const Clock& clock);

CatalogKind Kind();

}  // namespace firn::catalog::glue
