// Evaluations per second of typical mappings of pipelines, on one core: items_per_second.
#include <benchmark/benchmark.h>

#include "expression/javascript/expression.h"

namespace firn::expression::javascript {
namespace {

const char* const kExpressions[] = {
    "record.id",
    "record.user?.email?.toLowerCase() ?? null",
    "`${record.name} <${record.user.email}>`",
    "new Date(record.ts * 1000).toISOString()",
    "record.items.reduce((sum, {quantity, price}) => sum + quantity * price, 0)",
    "record.items.filter(i => i.quantity > 0).map(({sku, quantity}) => ({sku, quantity}))",
    "({id: record.id, name: record.name.trim(), total: parseFloat(record.amount), tags: record.tags.join(',')})",
    "(({user: {email, ...user}, ...rest}) => ({...rest, ...user, email}))(record)",
    "record.name.replace(/(\\w+)\\s(\\w+)/, '$2, $1')",
};

Value Record() {
  return ParseJson(R"({"id":7,"name":"Ann Lee","amount":"19.99","ts":1700000000,"tags":["a","b","c"],
                       "user":{"email":"Ann@b.c","age":30,"city":"Berlin"},
                       "items":[{"sku":"A","quantity":2,"price":1.5},{"sku":"B","quantity":0,"price":20},
                                {"sku":"C","quantity":1,"price":3.25}]})")
      .ValueOrDie();
}

void Evaluate(benchmark::State& state) {
  const Scope scope{.names = {{"record", Record()}}};
  const Expression parsed = Expression::Parse(kExpressions[state.range(0)]).ValueOrDie();
  state.SetLabel(kExpressions[state.range(0)]);
  for (auto _ : state) benchmark::DoNotOptimize(parsed.Evaluate(scope));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(Evaluate)->DenseRange(0, std::size(kExpressions) - 1);

void EvaluateAll(benchmark::State& state) {
  const Scope scope{.names = {{"record", Record()}}};
  std::vector<Expression> parsed;
  for (const char* source : kExpressions) parsed.push_back(Expression::Parse(source).ValueOrDie());
  for (auto _ : state) {
    for (const Expression& one : parsed) benchmark::DoNotOptimize(one.Evaluate(scope));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(parsed.size()));
}
BENCHMARK(EvaluateAll);

}  // namespace
}  // namespace firn::expression::javascript

BENCHMARK_MAIN();
