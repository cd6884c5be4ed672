#include "config/steps_workflow.h"

#include <algorithm>
#include <filesystem>

#include "base/edit_distance.h"
#include "config/file_text.h"
#include "config/lowering.h"
#include "config/steps_fields.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

constexpr int64_t kFormat = 1;
constexpr char kOrigin[] = "workflow";

ObjectType InputsOf(const ObjectView& file, const std::string& name) {
  ObjectType type{.name = "inputs of " + name, .doc = "What the workflow is told."};
  const Node* inputs = file.Find("inputs");
  if (inputs == nullptr) return type;
  const ObjectTypePtr declared = WorkflowFileType().FindField("inputs")->elements[0].object;
  for (const Entry& entry : inputs->entries) {
    const ObjectView view(&entry.value, *declared);
    Field field = view.Bool("secret") ? Text(entry.key) : Json(entry.key);
    field.doc = view.Text("doc");
    field.required = !view.Has("default");
    field.secret = view.Bool("secret");
    type.fields.push_back(std::move(field));
  }
  return type;
}

std::vector<EmittedTable> TablesOf(const ObjectView& file, Diagnostics* diagnostics) {
  std::vector<EmittedTable> tables;
  for (const Node& step : file.Find("do")->items) {
    const ObjectView view(&step, *StepType());
    if (!view.Has("emit")) continue;
    EmittedTable table{.name = view.Text("emit"), .key = view.TextList("key"), .place = view.Find("emit")->span};
    if (!IsName(table.name)) {
      diagnostics->AddError("E0531", table.place, "`" + Shown(table.name) + "` is not a table name").help = kNameHelp;
    }
    const auto known = std::ranges::find(tables, table.name, &EmittedTable::name);
    if (known == tables.end()) {
      tables.push_back(std::move(table));
    } else if (known->key.empty()) {
      known->key = table.key;
    }
  }
  if (tables.empty()) {
    diagnostics->AddError("E0531", file.Find("do")->span, "the workflow emits no table").help =
        "add a step: {\"emit\": \"orders\", \"from\": \"<id of a step>\"}";
  }
  return tables;
}

class EmittedTables {
 public:
  EmittedTables(const std::string& folder, Checker* checker, Diagnostics* diagnostics)
      : folder_(folder), checker_(checker), diagnostics_(diagnostics) {}

  /// Returns false for a pipeline whose workflow cannot be used.
  bool Complete(const std::string& path, Node* pipeline) {
    const Node* source = pipeline->Find("source");
    const Node* type = source == nullptr ? nullptr : source->Find("type");
    const Node* file = source == nullptr ? nullptr : source->Find("workflow");
    if (type == nullptr || type->text != "steps" || file == nullptr) return true;
    if (file->kind != NodeKind::kScalar || file->unresolved || file->text.empty()) return true;
    place_ = file->span;
    auto read = ReadWorkflow(file->text, folder_, diagnostics_);
    if (!read.ok()) {
      const ErrorContext* context = ContextOf(read.status());
      checker_->Error("E0530", path + ".source.workflow", place_, read.status().message()).help = context->next;
      return false;
    }
    if (*read == nullptr) return false;
    workflow_ = *std::move(read);
    ReadCustomers(*source);
    CheckInputs(path + ".source.inputs", *source);
    Node* tables = pipeline->Find("tables");
    if (tables == nullptr || tables->is_null()) {
      AddAll(pipeline);
    } else if (tables->kind == NodeKind::kMapping) {
      for (Entry& table : tables->entries) CompleteTable(path + ".tables." + table.key, &table);
    }
    return true;
  }

 private:
  void ReadCustomers(const Node& source) {
    const Node* customers = source.Find("customers");
    if (customers == nullptr || customers->kind != NodeKind::kMapping) return;
    const Node* column = customers->Find("column");
    customer_column_ = column == nullptr ? "customer" : column->text;
  }

  void CheckInputs(const std::string& path, const Node& source) {
    const Entry* written = source.FindEntry("inputs");
    const Node none{.kind = NodeKind::kMapping};
    const bool has = written != nullptr && !written->value.is_null();
    if (has && written->value.kind != NodeKind::kMapping) return;  // told when it is lowered
    ObjectType inputs = workflow_->inputs;
    if (!customer_column_.empty()) {
      for (Field& field : inputs.fields) field.required = false;  // a customer may have it
    }
    checker_->CheckObject(has ? written->value : none, inputs, path, has ? written->key_span : place_);
  }

  void AddAll(Node* pipeline) {
    Node tables = Made(NodeKind::kMapping);
    for (const EmittedTable& table : workflow_->tables) {
      Entry entry{.key = table.name, .key_span = place_, .value = Made(NodeKind::kMapping)};
      PutKey(table, &entry.value);
      tables.entries.push_back(std::move(entry));
    }
    std::erase_if(pipeline->entries, [](const Entry& entry) { return entry.key == "tables"; });
    pipeline->entries.push_back({.key = "tables", .key_span = place_, .value = std::move(tables)});
  }

  void CompleteTable(const std::string& path, Entry* table) {
    const auto found = std::ranges::find(workflow_->tables, table->key, &EmittedTable::name);
    if (found == workflow_->tables.end()) {
      std::vector<std::string> names;
      for (const EmittedTable& known : workflow_->tables) names.push_back(known.name);
      const auto nearest = Nearest(table->key, names);
      checker_->Error("E0532", path, table->key_span, "the workflow emits no table `" + Shown(table->key) + "`").help =
          nearest ? "did you mean `" + *nearest + "`?" : "it emits `" + names.front() + "`";
      return;
    }
    if (table->value.is_null()) {
      const Span span = table->value.span;
      table->value = Made(NodeKind::kMapping);
      table->value.span = span;
    }
    if (table->value.kind != NodeKind::kMapping) return;
    const Node* key = table->value.Find("primary_key");
    if (key == nullptr) return PutKey(*found, &table->value);
    const bool has_customer = key->text == customer_column_ ||
                              std::ranges::find(key->items, customer_column_, &Node::text) != key->items.end();
    if (customer_column_.empty() || has_customer) return;
    checker_
        ->Error("E0538", path + ".primary_key", key->span,
                "the key has no `" + customer_column_ + "`, and two customers may have rows of one key")
        .help = "add `" + customer_column_ + "` to it";
  }

  void PutKey(const EmittedTable& table, Node* into) const {
    if (table.key.empty()) return;
    Node key = Made(NodeKind::kSequence);
    std::vector<std::string> fields = table.key;
    // Two customers may have rows of one key.
    if (!customer_column_.empty()) fields.insert(fields.begin(), customer_column_);
    for (const std::string& field : fields) {
      Node name = Made(NodeKind::kScalar);
      name.text = field;
      name.quoted = true;
      key.items.push_back(std::move(name));
    }
    into->entries.push_back({.key = "primary_key", .key_span = place_, .value = std::move(key)});
  }

  Node Made(NodeKind kind) const {
    Node node;
    node.kind = kind;
    node.span = place_;
    node.origin = kOrigin;
    return node;
  }

  const std::string& folder_;
  Checker* const checker_;
  Diagnostics* const diagnostics_;
  Span place_;  // of the file's path
  std::shared_ptr<const Workflow> workflow_;
  std::string customer_column_;  // "": the workflow is run once
};

}  // namespace

Result<std::shared_ptr<const Workflow>> ReadWorkflow(const std::string& path, const std::string& folder,
                                                     Diagnostics* diagnostics) {
  auto text =
      ReadFileText((std::filesystem::path(folder) / path).lexically_normal().string(), YamlLimits{}.document_bytes_max);
  if (!text.ok()) {
    return MakeError(Fault::kConfig, "the workflow cannot be read: " + text.status().message(),
                     {.next = "write its path relative to the project"});
  }
  const size_t errors_before = diagnostics->num_errors();
  const auto root =
      ParseYaml(std::make_shared<const SourceFile>(SourceFile{.name = path, .text = *std::move(text)}), diagnostics);
  if (!root) return nullptr;
  if (root->kind != NodeKind::kMapping) {
    diagnostics->AddError("E0202", root->span, "a workflow must be a mapping, not " + std::string(Describe(*root)));
    return nullptr;
  }
  Checker(diagnostics).CheckObject(*root, WorkflowFileType(), "", root->span);
  if (diagnostics->num_errors() > errors_before) return nullptr;
  const ObjectView view(&*root, WorkflowFileType());
  if (view.Int("steps") != kFormat) {
    diagnostics
        ->AddError("E0531", view.Find("steps")->span,
                   "this firn reads version 1 of workflows, not " + std::to_string(view.Int("steps")))
        .help = "write `steps: 1`, or use a newer firn";
  }
  auto workflow = std::make_shared<Workflow>(Workflow{
      .name = view.Text("name"), .root = *root, .inputs = InputsOf(view, path), .tables = TablesOf(view, diagnostics)});
  if (diagnostics->num_errors() > errors_before) return nullptr;
  return workflow;
}

void AddEmittedTables(Node* root, const std::string& folder, Checker* checker, Diagnostics* diagnostics) {
  Node* pipelines = root->Find("pipelines");
  if (pipelines == nullptr) return;
  std::erase_if(pipelines->entries, [&](Entry& pipeline) {
    return !EmittedTables(folder, checker, diagnostics).Complete("pipelines." + pipeline.key, &pipeline.value);
  });
}

}  // namespace firn::config
