#include "config/project.h"

#include <gtest/gtest.h>

namespace firn::config {
namespace {

LoadOptions FromText(std::string text) {
  LoadOptions options{.config = "-", .working_folder = "/work"};
  options.stdin_text = std::move(text);
  return options;
}

constexpr char kShop[] = R"yaml(version: 1
lake: {warehouse: ./lake}
pipelines:
  shop:
    source:
      type: rest
      base_url: https://api.shop.example/
      auth: {type: bearer, token: "${env:SHOP_TOKEN}"}
    schedule: every 15m
    tables:
      orders:
        path: /v1/orders
        records: data.items
        paginate: {type: cursor, next: meta.next, param: cursor}
        primary_key: id
        incremental: {cursor: updated_at, param: since, format: iso, lookback: 1h, start: 2024-01-01}
        write_disposition: merge
        delete_when: "{{ record.deleted }}"
        partition_by: [day(created_at)]
        columns: {total: {type: "decimal(12,2)"
}
, email : {
pii:
  email, mask_on_write : sha256
}
}
      order_items:
        parent: orders
        path: /v1/orders/{{ parent.id }}/items
        include: {order_id: parent.id}
        primary_key: [order_id, line]
        replace_children: true
environments:
  dev: {lake: {warehouse: ./dev-lake}, dataset_prefix: "dev_${env:USER}_", limits: {max_rows: 1000}, schedule: off}
)yaml";

TEST(Project, LoadsTheDesignExample) {
  LoadOptions options = FromText(kShop);
  options.env = {{"SHOP_TOKEN", "canary-token-1"}, {"USER", "ann"}};
  Diagnostics diagnostics;
  const auto project = LoadProject(options, &diagnostics);
  ASSERT_TRUE(project.ok()) << Render(diagnostics);
  EXPECT_EQ(Render(diagnostics), "");
  const PipelineConfig& shop = *project->FindPipeline("shop");
  EXPECT_EQ(shop.dataset, "shop");
  EXPECT_EQ(shop.schedule.every_ms, 900'000);
  const auto& rest = std::get<RestSourceConfig>(shop.source);
  EXPECT_EQ(rest.base_url, "https://api.shop.example");
  EXPECT_EQ(std::get<BearerAuth>(rest.auth).token, "canary-token-1");
  const TableConfig& orders = *shop.FindTable("orders");
  EXPECT_EQ(orders.incremental->lookback_ms, 3'600'000);
  EXPECT_EQ(orders.columns[0].type, "decimal(12, 2)");
  EXPECT_EQ(ToString(orders.partition_by[0]), "day(created_at)");
  EXPECT_EQ(orders.raw.mode, RawConfig::Mode::kArchive);
  EXPECT_EQ(orders.raw.location, "/work/lake-raw");
  EXPECT_EQ(project->WhereIs("pipelines.shop.tables.orders.records"), "<stdin>:13:18");
  const std::string shown = ShowConfig(*project, {.resolved = true, .why = true});
  EXPECT_EQ(shown.find("canary-token-1"), std::string::npos);
  EXPECT_NE(shown.find("write_disposition: merge  # <stdin>:17:28"), std::string::npos) << shown;
}

}  // namespace
}  // namespace firn::config
