#include "cli/demo_project.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace firn::cli {
namespace {

constexpr char kProject[] =
    R"yaml(# The demo: an invented shop. The API runs inside firn while a command of this project runs.
version: 1
lake: {warehouse: ./lake}
pipelines:
  shop:
    source:
      type: rest
      base_url: ${env:FIRN_DEMO_URL}
      auth: {type: bearer, token: "${env:DEMO_SHOP_TOKEN}"}
      retry: {total: 1m}
    dataset: shop
    tables:
      orders:                                  # changes by updated_at, nested rows, a new field at the second run
        path: /v1/orders
        records: data
        params: {limit: "500"}
        paginate: {type: cursor, next: meta.next, param: cursor}
        primary_key: id
        incremental: {cursor: updated_at, param: since, order: asc}
        columns: {total: {type: "decimal(12,2)"
}
}
      customers:                               # personal data, masked before anything else sees it
        path: /v1/customers
        records: items
        paginate: {type: page, param: page, page_size: 300, size_param: per_page, total_pages: pages}
        primary_key: id
        raw: off
        columns:
          email: {pii: email, mask_on_write: sha256}
          phone: {pii: phone, mask_on_write: redact}
          last_ip: {pii: ip, mask_on_write: ip}
      refunds:                                 # grows only
        path: /v1/refunds
        records: refunds
        paginate: {type: offset, page_size: 100, total_rows: total}
        incremental: {cursor: created_at, param: since, order: asc}
        write_disposition: append
      stores:
        path: /v1/stores
        records: "."
        paginate: none
        primary_key: id
      staff:                                   # one request per store
        parent: stores
        path: /v1/stores/{{ parent.id }}/staff
        records: staff
        paginate: none
        include: {store_id: parent.id}
        primary_key: [store_id, badge]
)yaml";

}  // namespace

Status WriteDemoProject(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::exists(folder, error) && !fs::exists(fs::path(folder) / kDemoMarker, error) && !fs::is_empty(folder, error)) {
    return MakeError(Fault::kConfig, folder + " exists and is no demo of firn",
                     {.code = "E0850", .state = "nothing was written", .next = "firn demo --dir OTHER"});
  }
  fs::create_directories(folder, error);
  std::ofstream(fs::path(folder) / kDemoMarker) << "made by firn demo\n";
  std::ofstream(fs::path(folder) / ".gitignore") << "lake/\nlake-raw/\n.firn/\n.env\n";
  std::ofstream(fs::path(folder) / ".env") << "DEMO_SHOP_TOKEN=demo-token\n";
  std::ofstream file(fs::path(folder) / "firn.yaml");
  file << kProject;
  file.close();
  return file ? Status::OK() : MakeError(Fault::kConfig, folder + "/firn.yaml cannot be written");
}

namespace {

// Looks where the project will be looked for: at the place given, else from here upward.
bool IsDemo(const std::string& config) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!config.empty()) {
    const fs::path place = fs::is_directory(config, error) ? fs::path(config) : fs::path(config).parent_path();
    return fs::exists(place / kDemoMarker, error);
  }
  fs::path folder = fs::current_path(error);
  while (!fs::exists(folder / "firn.yaml", error) && folder != folder.parent_path()) folder = folder.parent_path();
  return fs::exists(folder / kDemoMarker, error);
}

}  // namespace

Result<std::unique_ptr<DemoShop>> StartShopIfDemo(const std::string& config) {
  if (std::getenv(kDemoUrlVariable) != nullptr || !IsDemo(config)) return nullptr;
  ARROW_ASSIGN_OR_RAISE(auto shop, DemoShop::Start({.generation = 2}));
  ::setenv(kDemoUrlVariable, shop->url().c_str(), 1);
  return shop;
}

}  // namespace firn::cli
