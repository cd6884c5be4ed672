#include "cli/demo_shop_data.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "cli/demo_shop.h"

namespace firn::cli::demo {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kStartMicros = 1'764'547'200'000'000;  // 2025-12-01T00:00:00Z
constexpr int64_t kSecond = 1'000'000;

// A fixed mixing function (splitmix64), so that rows need no generator state.
uint64_t Mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

template <size_t N>
const char* Pick(const std::array<const char*, N>& words, uint64_t value) {
  return words[value % N];
}

constexpr std::array<const char*, 5> kStatuses = {"paid", "open", "shipped", "refunded", "cancelled"};
constexpr std::array<const char*, 8> kFirstNames = {"Ada", "Ben", "Chen", "Dora", "Emil", "Fay", "Gus", "Hana"};
constexpr std::array<const char*, 8> kLastNames = {"Abel", "Brandt", "Costa", "Diaz", "Evans", "Frey", "Grau", "Holm"};
constexpr std::array<const char*, 6> kCountries = {"DE", "FR", "US", "JP", "BR", "SE"};
constexpr std::array<const char*, 6> kProducts = {"mug", "lamp", "chair", "desk", "clock", "rug"};

std::string Time(int64_t micros) {
  return FormatTimestamp({.micros = micros});
}

Row MakeRow(const Json& json, int64_t changed_micros, int64_t id) {
  char padded[32];
  std::snprintf(padded, sizeof padded, "%012lld", static_cast<long long>(id));
  return {.sort_key = Time(changed_micros) + "/" + padded, .changed = Time(changed_micros), .json = json.dump()};
}

// Amounts are written with two digits, as text of the number: a decimal, not what a double would print.
std::string OrderJson(int64_t id, int64_t changed_micros, bool changed) {
  const uint64_t mix = Mix(static_cast<uint64_t>(id));
  const int64_t cents = 100 + static_cast<int64_t>(mix % 99'900);
  Json json;
  json["id"] = id;
  json["customer_id"] = 1 + static_cast<int64_t>(mix >> 20) % DemoShop::kCustomers;
  json["status"] = changed ? "shipped" : Pick(kStatuses, mix >> 8);
  json["total"] = "@total@";
  json["created_at"] = Time(kStartMicros + id * 60 * kSecond);
  json["updated_at"] = Time(changed_micros);
  json["shipping"] = {{"country", Pick(kCountries, mix >> 12)}, {"express", mix % 7 == 0}};
  json["lines"] = Json::array();
  for (uint64_t line = 0; line < 1 + mix % 3; ++line) {
    json["lines"].push_back({{"sku", Pick(kProducts, mix >> (16 + line))}, {"quantity", 1 + (mix >> line) % 4}});
  }
  if (changed) json["coupon"] = "WINTER" + std::to_string(10 + mix % 3 * 5);
  char total[32];
  std::snprintf(total, sizeof total, "%lld.%02lld", static_cast<long long>(cents / 100),
                static_cast<long long>(cents % 100));
  std::string text = json.dump();
  text.replace(text.find("\"@total@\""), 9, total);
  return text;
}

}  // namespace

std::vector<Row> Orders(int generation) {
  constexpr int64_t kNew = 15, kChanged = 31;
  std::vector<Row> rows;
  const int64_t last = DemoShop::kOrders + (generation > 1 ? kNew : 0);
  const int64_t late = kStartMicros + (DemoShop::kOrders + 10) * 60 * kSecond;
  for (int64_t id = 1; id <= last; ++id) {
    const bool is_new = id > DemoShop::kOrders;
    const bool changed = generation > 1 && (is_new || (id % 400 == 7 && id / 400 < kChanged));
    const int64_t micros = changed ? late + id * kSecond : kStartMicros + id * 60 * kSecond;
    Row row = MakeRow(Json(), micros, id);
    row.json = OrderJson(id, micros, changed);
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.sort_key < b.sort_key; });
  return rows;
}

std::vector<Row> Customers(int generation) {
  std::vector<Row> rows;
  for (int64_t id = 1; id <= DemoShop::kCustomers + (generation > 1 ? 2 : 0); ++id) {
    const uint64_t mix = Mix(static_cast<uint64_t>(id) + 1'000'000);
    const std::string first = Pick(kFirstNames, mix), last = Pick(kLastNames, mix >> 5);
    Json json;
    json["id"] = id;
    json["name"] = first + " " + last;
    json["email"] = first + "." + last + std::to_string(id) + "@example.com";
    json["phone"] = "+00 555 " + std::to_string(10'000 + id);
    json["last_ip"] = "192.0.2." + std::to_string(id % 250);
    json["country"] = Pick(kCountries, mix >> 9);
    json["vip"] = mix % 11 == 0 || (generation > 1 && id % 300 == 0);
    rows.push_back(MakeRow(json, kStartMicros + id * kSecond, id));
  }
  return rows;
}

std::vector<Row> Refunds(int generation) {
  std::vector<Row> rows;
  for (int64_t id = 1; id <= DemoShop::kRefunds + (generation > 1 ? 6 : 0); ++id) {
    const uint64_t mix = Mix(static_cast<uint64_t>(id) + 2'000'000);
    const int64_t micros = kStartMicros + id * 2'400 * kSecond;
    Json json;
    json["id"] = id;
    json["order_id"] = 1 + static_cast<int64_t>(mix % DemoShop::kOrders);
    json["reason"] = mix % 3 == 0 ? Json(nullptr) : Json(mix % 2 == 0 ? "damaged" : "late");
    json["created_at"] = Time(micros);
    rows.push_back(MakeRow(json, micros, id));
  }
  return rows;
}

std::vector<Row> Stores() {
  std::vector<Row> rows;
  for (int64_t id = 1; id <= DemoShop::kStores; ++id) {
    const Json json = {
        {"id", id}, {"country", Pick(kCountries, Mix(static_cast<uint64_t>(id)))}, {"opened", 1990 + id}};
    rows.push_back(MakeRow(json, kStartMicros, id));
  }
  return rows;
}

std::vector<Row> Staff(int64_t store_id) {
  std::vector<Row> rows;
  for (int64_t n = 1; n <= 3 + store_id % 4; ++n) {
    const uint64_t mix = Mix(static_cast<uint64_t>(store_id * 100 + n));
    const Json json = {{"badge", n}, {"name", std::string(Pick(kFirstNames, mix))}, {"part_time", mix % 3 == 0}};
    rows.push_back(MakeRow(json, kStartMicros, n));
  }
  return rows;
}

}  // namespace firn::cli::demo
