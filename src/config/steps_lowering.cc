#include "config/steps_lowering.h"

#include <string_view>

#include "config/json_text.h"
#include "config/steps_workflow.h"

namespace firn::config {
namespace {

void LowerCustomers(const ObjectView& customers, const std::string& path, const LoweringContext& context,
                    StepsSourceConfig* out) {
  out->customer_key = customers.Text("key");
  out->customer_column = customers.Text("column");
  out->customers_query = customers.Text("query");
  const bool from_file = customers.Has("file");
  if (from_file == customers.Has("database") || from_file == customers.Has("query")) {
    context.Error("E0538", path, "customers come from a `file`, or from a `database` by a `query`").help =
        "write {file: ./customers.csv, key: id} or {database: ./crm.db, query: \"select …\", key: id}";
    return;
  }
  if (from_file) {
    out->customers_file = context.Absolute(customers.Text("file"));
    return;
  }
  const std::string database = customers.Text("database");
  const size_t scheme = database.find("://");
  if (scheme == std::string::npos) {
    out->customers_database = context.Absolute(database);
    return;
  }
  const std::string_view name = std::string_view(database).substr(0, scheme);
  if (name != "postgresql" && name != "postgres" && name != "mysql") {
    context.Error("E0538", path + ".database", "databases of this kind are not asked").help =
        "write the path of an SQLite file, postgresql://user@host/database or mysql://user@host/database";
  }
  out->customers_database = database;
  out->customers_password = customers.Text("password");
}

}  // namespace

StepsSourceConfig LowerStepsSource(const ObjectView& source, const std::string& path, const LoweringContext& context) {
  StepsSourceConfig out;
  Diagnostics told;  // what is wrong in the file was said when its tables were added
  auto workflow = ReadWorkflow(source.Text("workflow"), context.folder, &told);
  if (workflow.ok()) out.workflow = *std::move(workflow);
  if (source.Has("customers")) LowerCustomers(source.Object("customers"), path + ".customers", context, &out);
  const Node* inputs = source.Find("inputs");
  if (inputs == nullptr || inputs->is_null()) return out;
  out.inputs_json = JsonTextOf(*inputs);
  out.written_json = JsonTextAsWritten(*inputs);
  if (inputs->kind != NodeKind::kMapping) {
    context.Error("E0533", path + ".inputs", "`inputs` is no mapping").help = "write names and values";
  }
  return out;
}

}  // namespace firn::config
