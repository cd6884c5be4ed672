// Evaluations per second of typical strings of connectors, on one core: items_per_second.
#include <benchmark/benchmark.h>

#include "expression/jinja/template.h"

namespace firn::expression::jinja {
namespace {

const char* const kTemplates[] = {
    "{{ config['api_key'] }}",
    "/v1/accounts/{{ stream_partition.id }}/orders",
    "{{ record['updated_at'] }}",
    "{{ response.get('next', {}) }}",
    "{{ not response.has_more }}",
    "{{ now_utc().strftime('%Y-%m-%dT%H:%M:%SZ') }}",
    "{{ record.user.email if record.user else none }}",
    "{{ config.get('limit') or 100 }}",
};

Scope MakeScope(const Clock* clock) {
  const auto json = [](const char* text) { return ParseJson(text).ValueOrDie(); };
  Scope scope(clock);
  scope.Set("config", json(R"({"api_key":"sk_live_0123456789","start_date":"2024-01-31T00:00:00Z","limit":100})"));
  scope.Set("record", json(R"({"id":7,"name":"Ann","updated_at":"2024-05-06T07:08:09Z","user":{"email":"a@b.c"}})"));
  scope.Set("response", json(R"({"next":{"cursor":"abc"},"has_more":true,"data":[]})"));
  scope.Set("stream_slice", Value::StreamSlice(json(R"({"id":"acc_1"})"), json("{}"), json("{}")));
  return scope;
}

void Evaluate(benchmark::State& state) {
  const FakeClock clock;
  const Scope scope = MakeScope(&clock);
  const Template parsed = Template::Parse(kTemplates[state.range(0)]).ValueOrDie();
  state.SetLabel(kTemplates[state.range(0)]);
  for (auto _ : state) benchmark::DoNotOptimize(parsed.Evaluate(scope));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Evaluate)->DenseRange(0, std::size(kTemplates) - 1);

void EvaluateAll(benchmark::State& state) {
  const FakeClock clock;
  const Scope scope = MakeScope(&clock);
  std::vector<Template> parsed;
  for (const char* source : kTemplates) parsed.push_back(Template::Parse(source).ValueOrDie());
  for (auto _ : state) {
    for (const Template& one : parsed) benchmark::DoNotOptimize(one.Evaluate(scope));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(parsed.size()));
}
BENCHMARK(EvaluateAll);

}  // namespace
}  // namespace firn::expression::jinja

BENCHMARK_MAIN();
