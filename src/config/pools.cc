#include "config/pools.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "config/text_position.h"
#include "config/yaml_tree.h"

namespace firn::config {
namespace {

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kSlotsMax = 64;

ObjectTypePtr PoolObject() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "pool",
      .doc = "Pipelines that may read at the same time, in whatever process or machine of one `state` they run.",
      .fields = {Text("name")
                     .Required()
                     .Doc("What they share: a credential, a vendor's account, a customer.")
                     .Example("acme-exports"),
                 Int("slots")
                     .Range(1, kSlotsMax)
                     .Default("1")
                     .Doc("How many runs of pipelines may be in it, each with all its tables; 1 is a lock."),
                 Duration("wait").Range(0, kDayMs).Default("1h").Doc(
                     "How long a pipeline waits for its turn; then its tables fail (E0626). 0s: not at all.")},
      .foreign = {{"account", "write `name:`"},
                  {"group", "write `name:`"},
                  {"pool", "write `name:`"},
                  {"limit", "write `slots:`"},
                  {"size", "write `slots:`"},
                  {"pool_slots", "write `slots:`"},
                  {"timeout", "write `wait:`"}}});
  return type;
}

PoolConfig Lower(const ObjectView& view, std::string path) {
  return {.name = view.Text("name"),
          .slots = view.Int("slots"),
          .wait_ms = view.Int("wait"),
          .config_path = std::move(path)};
}

}  // namespace

Field PoolField() {
  return OneOf("pool", {Text(""), Object("", PoolObject()), List("", Object("", PoolObject())).AtLeast(1)})
      .Doc("Keeps pipelines that share something from reading at the same time; a name alone is a lock.")
      .Example("{name: acme-exports, slots: 2}");
}

std::vector<PoolConfig> LowerPools(const ObjectView& source, const std::string& path, const LoweringContext& context) {
  std::vector<PoolConfig> pools;
  const Node* node = source.Find("pool");
  const std::string place = path + ".pool";
  if (node == nullptr || context.checker->HasErrorUnder(place)) return pools;
  if (node->kind == NodeKind::kScalar) {
    pools.push_back(Lower(ObjectView(nullptr, *PoolObject()), place));
    pools.front().name = source.Text("pool");
    if (pools.front().name.empty())
      context.Error("E0207", place, "`pool` is empty").help = "write its name, or remove the key";
  }
  if (node->kind == NodeKind::kMapping) pools.push_back(Lower(ObjectView(node, *PoolObject()), place));
  for (size_t i = 0; i < node->items.size(); ++i) {
    pools.push_back(Lower(ObjectView(&node->items[i], *PoolObject()), place + "." + std::to_string(i)));
  }
  std::ranges::sort(pools, {}, &PoolConfig::name);
  const auto twice = std::ranges::adjacent_find(pools, {}, &PoolConfig::name);
  if (twice != pools.end()) {
    context.Error("E0627", place, "the pool `" + Shown(twice->name) + "` stands here twice").help =
        "remove one of them";
  }
  return pools;
}

void JudgePools(const std::vector<PipelineConfig>& pipelines, const LoweringContext& context) {
  std::map<std::string, const PoolConfig*> known;
  for (const PipelineConfig& pipeline : pipelines) {
    for (const PoolConfig& pool : pipeline.pools) {
      const PoolConfig& first = *known.emplace(pool.name, &pool).first->second;
      if (first.slots == pool.slots) continue;
      Diagnostic& diagnostic =
          context.Error("E0627", pool.config_path,
                        "the pool `" + Shown(pool.name) + "` has two sizes: " + std::to_string(first.slots) + " and " +
                            std::to_string(pool.slots));
      diagnostic.notes.push_back({"the other one is here", context.checker->SpanOf(first.config_path)});
      diagnostic.help = "write the same `slots:` wherever the pool is named";
    }
  }
}

}  // namespace firn::config
